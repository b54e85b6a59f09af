{# The calendar day of a time in UTC. #}
{% macro day_of(time) -%} cast({{ time }} as date) {%- endmacro %}

{# The day a number of days after another one. #}
{% macro days_after(day, days) -%} cast({{ dbt.dateadd("day", days, day) }} as date) {%- endmacro %}

{# The number of days from one day to another. #}
{% macro days_between(first, last) -%} {{ dbt.datediff(first, last, "day") }} {%- endmacro %}
