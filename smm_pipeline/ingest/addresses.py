"""SQL that finds and cleans addresses.

Belongs here: the macros that find the links of a text, tell those of the shop, take what is personal out of an
address and bound its length. Does not belong here: which column holds an address (`clean: url` of its contract, the
mappings of the feeds).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from smm_pipeline.warehouse.shop_seeds import host_spellings

# Constant that every feed has: a pattern of the shop's own hosts.
OWN_HOSTS = "own_hosts"
# Before the host: a scheme and perhaps a login. After it: perhaps a port, and then its end, lest shop.example.ua pass
# for shop.example.
_BEFORE_HOST = r"(?i)^https?://([^/?#\\]*@)?([^/?#@:\\]+\.)?"
_AFTER_HOST = r"\.?(:\d*)?([/?#]|$)"
_PERSONAL_PARAMETER = (
    r"(e-?mail|mail|phone|tel|mobile|name|first_?name|last_?name|fname|lname|full_?name|surname|user_?name|login|"
    r"pass(word|wd)?|pwd|(access_?|auth_?|id_?|refresh_?|csrf_?|reset_?)?token|auth|session_?id|sid|api_?key|key|"
    r"signature|sig)="
)
_AT_SIGN = r"(@|%(25)*40)"
# A piece of a path with an at sign and, after it, a dot: an address of e-mail, and no /@handle.
_WORD = r"[^/@&=:;,()\s]"
_EMAIL = rf"{_WORD}+{_AT_SIGN}{_WORD}*\.{_WORD}*"
_MASK = "(e-mail)"
# Servers refuse longer ones, and no tag is as long as that: what is, is some program's state and no evidence.
MAX_CHARACTERS = 8_192
MAX_PARAMETER_CHARACTERS = 1_024
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*://"
# A plus at the start of a value, or an encoded one anywhere (a bare one within a value is a blank).
_PLUS = r"([=?&#]\+|%(25)*2B)"
_PHONE = _PLUS + r"(([ ().+-]|%(25)*(20|28|29))*\d){10,15}(\D|$)"
_MAY_BE_PERSONAL = f"regexp_matches(url, '(?i){_AT_SIGN}|{_PLUS}|[?&#]{_PERSONAL_PARAMETER}')"

ADDRESS_MACROS = {
    # The sentence's signs at the end of an address are none of it; a closing bracket is, where it was opened within.
    "_smm_link_end(a)": "rtrim(a, case when contains(a, '(') then '.,;:!?…*' else '.,;:!?…*)]' end)",
    # Addresses that a sign alone parts, as Markdown's ]( and a comma before the next, are parted by a blank.
    "_smm_parted(t)": r"""
        regexp_replace(replace(coalesce(t, ''), '](', ' '), '(?i)[,;](https?://)', ' \1', 'g')""",
    # The addresses of a text, in its order; an empty list where the text is unknown.
    "links_of(t)": r"""
        list_transform(
            regexp_extract_all(_smm_parted(t), '(?i)https?://[^\s\pZ\p{Cf}<>"''|\p{Pi}\p{Pf}\x{2014}\x{300C}\x{300D}]+'),
            lambda a: _smm_link_end(a))""",
    # The first address of a text that is the shop's: of one of its hosts or of a host below one, in any case.
    "shop_link(t)": f"""
        list_filter(links_of(t), lambda a:
            regexp_matches(a, '{_BEFORE_HOST}(' || constant('{OWN_HOSTS}') || '){_AFTER_HOST}'))[1]""",
    "_smm_keep(parameters)": f"""
        list_filter(parameters, lambda p:
            not regexp_matches('&' || p, '(?i)^&{_PERSONAL_PARAMETER}|{_AT_SIGN}|{_PHONE}'))""",
    "_smm_query(query)": """
        case when query is null or query = '' then '' else list_transform([_smm_keep(string_split(query, '&'))],
            lambda kept: case when len(kept) = 0 then '' else '?' || array_to_string(kept, '&') end)[1] end""",
    # More than one scheme or login, as in a@http://b@host, is taken off too: what is left never begins with one.
    "_smm_url_parts(url)": rf"""
        regexp_extract(url, '(?s)^({_SCHEME})?((?:(?:{_SCHEME})*[^/?#]*@)*)([^?#]*)(\?([^#]*))?(#.*)?$',
            ['scheme', 'login', 'path', 'mark', 'query', 'fragment'])""",
    "_smm_clean_url(p)": f"""
        p.scheme || regexp_replace(p.path, '{_EMAIL}', '{_MASK}', 'g') || _smm_query(p.query) || case
            when regexp_matches(p.fragment, '(?i){_AT_SIGN}|[#&?]{_PERSONAL_PARAMETER}|{_PHONE}') then ''
            else p.fragment end""",
    "_smm_impersonal_url(url)": f"""
        case when {_MAY_BE_PERSONAL}
        then list_transform([_smm_url_parts(url)], lambda parts: _smm_clean_url(parts))[1] else url end""",
    # Of one too long: the path within the limit, then as many whole parameters as fit; half a tag would be another tag.
    "_smm_short_parameters(query)": f"""
        array_to_string(list_filter(string_split(query, '&'), lambda p:
            length(p) <= {MAX_PARAMETER_CHARACTERS}), '&')""",
    "_smm_short_query(address)": rf"""
        case when length(address) <= {MAX_CHARACTERS} then address
        else regexp_replace(left(address, {MAX_CHARACTERS + 1}), '(?s)[?&][^&]*$', '') end""",
    "_smm_short_url(p)": f"""
        case when length(p.path) >= {MAX_CHARACTERS} or coalesce(p.query, '') = '' then left(p.path, {MAX_CHARACTERS})
        else _smm_short_query(rtrim(p.path || '?' || _smm_short_parameters(p.query), '?')) end""",
    "_smm_bounded(url)": rf"""
        case when length(url) > {MAX_CHARACTERS}
        then _smm_short_url(regexp_extract(url, '(?s)^([^?#]*)(\?([^#]*))?', ['path', 'mark', 'query']))
        else url end""",
    # Taking an address apart is slow: only one that may hold something personal, or be too long, is. What is personal
    # goes first: half an e-mail address would not be known as one. A mask may be thrice as long as what it hides. The
    # length in bytes costs nothing, and within a lambda what it is given is planned, and computed, once.
    "_smm_url(url)": f"""
        case when strlen(url) > {MAX_CHARACTERS // 3} or {_MAY_BE_PERSONAL}
        then list_transform([url], lambda whole: list_transform([_smm_impersonal_url(whole)],
            lambda cleaned: _smm_bounded(cleaned))[1])[1]
        else url end""",
}


def own_hosts_pattern(hosts: Iterable[str]) -> str:
    """Regular expression that matches any of the shop's hosts, and nothing when there are none.

    Each as it is written and as browsers send it, with and without the `www.` that it may begin with.
    """
    spellings = {name for host in host_spellings(hosts) for name in (host, host.removeprefix("www."))}
    return "|".join(re.escape(name) for name in sorted(spellings, reverse=True)) or "$^"
