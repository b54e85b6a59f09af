{# Each of the columns is within these bounds, or null. #}
{% test between(model, columns, least, most=none) %}
select *
from {{ model }}
where
    {% for column in columns -%}
    {{ "or " if not loop.first }}{{ column }} < {{ least }}
    {%- if most is not none %} or {{ column }} > {{ most }}{% endif %}
    {% endfor %}
{% endtest %}
