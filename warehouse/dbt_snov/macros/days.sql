{# The calendar day of a time in UTC. #}
{% macro day_of(time) -%} cast({{ time }} as date) {%- endmacro %}

{# The day a number of days after another one. #}
{% macro days_after(day, days) -%} cast({{ dbt.dateadd("day", days, day) }} as date) {%- endmacro %}

{# The Monday of a day's week. #}
{% macro week_of(day) -%} {{ return(adapter.dispatch("week_of", "snov")(day)) }} {%- endmacro %}
{% macro default__week_of(day) -%} cast(date_trunc('week', {{ day }}) as date) {%- endmacro %}
{% macro snowflake__week_of(day) -%} dateadd('day', 1 - dayofweekiso({{ day }}), {{ day }}) {%- endmacro %}
{% macro bigquery__week_of(day) -%} date_trunc({{ day }}, isoweek) {%- endmacro %}

{# The number of days from one day to another. #}
{% macro days_between(first, last) -%} {{ dbt.datediff(first, last, "day") }} {%- endmacro %}
