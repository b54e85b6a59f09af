{# One count as a share of another, 0 to 1; null when there is nothing to take a share of. #}
{% macro share(part, whole) -%}
    cast({{ part }} as {{ snov.type_double() }}) / nullif({{ whole }}, 0)
{%- endmacro %}
