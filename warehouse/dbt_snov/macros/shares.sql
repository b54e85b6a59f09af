{# One count as a share of another, from 0 to 1; null if the other is 0. #}
{% macro share(part, whole) -%}
    cast({{ part }} as {{ snov.type_double() }}) / nullif({{ whole }}, 0)
{%- endmacro %}
