{# The calendar day of a time in UTC. #}
{% macro day_of(time) -%} cast({{ time }} as date) {%- endmacro %}

{# The day that is so many days after another one. #}
{% macro days_after(day, days) -%} cast({{ dbt.dateadd("day", days, day) }} as date) {%- endmacro %}

{# How many days lie between two days. #}
{% macro days_between(first, last) -%} {{ dbt.datediff(first, last, "day") }} {%- endmacro %}
