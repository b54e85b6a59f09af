{# The calendar day of a time in UTC. #}
{% macro day_of(time) -%} cast({{ time }} as date) {%- endmacro %}

{# The day a number of days after another one. #}
{% macro days_after(day, days) -%} cast({{ dbt.dateadd("day", days, day) }} as date) {%- endmacro %}

{# The Monday of a day's week. #}
{% macro week_of(day) -%} {{ return(adapter.dispatch("week_of", "snov")(day)) }} {%- endmacro %}
{% macro default__week_of(day) -%} cast(date_trunc('week', {{ day }}) as date) {%- endmacro %}
{% macro snowflake__week_of(day) -%} dateadd('day', 1 - dayofweekiso({{ day }}), {{ day }}) {%- endmacro %}
{% macro bigquery__week_of(day) -%} date_trunc({{ day }}, isoweek) {%- endmacro %}

{# The weekday of a time without a zone, from 1 (Monday) to 7. #}
{% macro weekday_of(time) -%} {{ return(adapter.dispatch("weekday_of", "snov")(time)) }} {%- endmacro %}
{% macro default__weekday_of(time) -%} extract(isodow from {{ time }}) {%- endmacro %}
{% macro snowflake__weekday_of(time) -%} dayofweekiso({{ time }}) {%- endmacro %}
{% macro bigquery__weekday_of(time) -%} mod(extract(dayofweek from {{ time }}) + 5, 7) + 1 {%- endmacro %}

{# The number of days from one day to another. #}
{% macro days_between(first, last) -%} {{ dbt.datediff(first, last, "day") }} {%- endmacro %}
