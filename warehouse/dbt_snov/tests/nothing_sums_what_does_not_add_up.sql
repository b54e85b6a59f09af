{#
    Fails if a model of this package sums or averages a column that does not add up: one with `additive: false` in its
    meta. Does not see names that Jinja assembles.
#}
{%- set never = [] -%}
{%- set offences = [] -%}
{%- if execute -%}
    {%- for node in graph.nodes.values() if node.package_name == "snov" and node.resource_type == "model" -%}
        {%- for column in node.columns.values() if column.get("meta", {}).get("additive") is false -%}
            {%- do never.append(column.name | lower) -%}
        {%- endfor -%}
    {%- endfor -%}
    {#- The text in the parentheses after sum or avg, with up to four nested pairs of parentheses. -#}
    {%- set inside = namespace(pattern="[^()]*") -%}
    {%- for depth in range(4) -%}
        {%- set inside.pattern = "(?:[^()]|\\(" ~ inside.pattern ~ "\\))*" -%}
    {%- endfor -%}
    {%- for node in graph.nodes.values() if node.package_name == "snov" and node.resource_type == "model" -%}
        {%- set code = modules.re.sub("(?s)\\{#.*?#\\}|/\\*.*?\\*/|--[^\\n]*", " ", node.raw_code) -%}
        {%- for sum in modules.re.findall("(?i)\\b(?:sum|avg)\\s*\\((" ~ inside.pattern ~ ")\\)", code) -%}
            {%- for name in modules.re.findall("\\w+", sum | lower) if name in never -%}
                {%- do offences.append({"model": node.name, "name": name}) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if not never -%}
        {%- do exceptions.raise_compiler_error("No column is marked with additive: false") -%}
    {%- endif -%}
    {%- for offence in offences -%}
        {%- set said = offence.model ~ " sums or averages " ~ offence.name ~ ", which does not add up." -%}
        {%- do log("The model " ~ said, info=true) -%}
    {%- endfor -%}
{%- endif -%}
{% for offence in offences -%}
select '{{ offence.model }}' as model, '{{ offence.name }}' as summed
{{ "union all" if not loop.last }}
{% else -%}
select 'none' as model, 'none' as summed from (select 1 as one) as nothing where 1 = 0
{%- endfor %}
