{# A table of the integers from 0 to 9999, in the column `number`. #}
{% macro numbers() -%}
(
    select ones.digit + 10 * tens.digit + 100 * hundreds.digit + 1000 * thousands.digit as number
    from {{ snov.digits() }} as ones
    cross join {{ snov.digits() }} as tens
    cross join {{ snov.digits() }} as hundreds
    cross join {{ snov.digits() }} as thousands
)
{%- endmacro %}

{% macro digits(count=10) -%}
({% for digit in range(count) %}select {{ digit }} as digit{{ " union all " if not loop.last }}{% endfor %})
{%- endmacro %}
