"""What a line of a web server's log tells of a request, as functions of mapping expressions.

Belongs here: which requests are pages, robots, kinds of devices and apps, the same for every server. Does not belong
here: the form of a line (mappings), what network an app is of (seeds.source_host), and keeping a user agent, which with
an address tells a person.
"""

from __future__ import annotations

from smm_pipeline.quoting import sql_text

# By their own words: crawlers, previews of messengers and networks, monitors, libraries, headless browsers.
_ROBOT = (
    r"bot\b|bot[/;_-]|crawl|spider|slurp|preview|facebookexternalhit|whatsapp/|monitor|pingdom|lighthouse|headless|"
    r"phantomjs|curl/|wget|python|java/|httpclient|go-http|okhttp|libwww|scrapy|node-fetch|axios|feedfetcher|archiver"
)
_TABLET = r"ipad|tablet|kindle|playbook|silk/"
_MOBILE = r"mobi|iphone|ipod|android|phone|blackberry|opera mini"
_FILE = r"\.(css|js|mjs|map|json|xml|txt|png|jpe?g|gif|svg|webp|avif|ico|bmp|woff2?|ttf|eot|mp[34]|webm|pdf|zip|gz)$"

# Browsers within apps, by what they add to the user agent, and the Android package that seeds.source_host knows. The
# first that fits counts. Apps that open links in the browser of the device (WhatsApp, Telegram on iOS) add nothing.
APPS = {
    r"FBAN/Messenger|FB_IAB/(Orca|MESSENGER)": "com.facebook.orca",
    r"Barcelona [0-9]": "com.instagram.barcelona",
    r"Instagram [0-9]": "com.instagram.android",
    r"FBAN/|FBAV/|FB_IAB/": "com.facebook.katana",
    r"musical_ly|trill_[0-9]|TikTok [0-9]": "com.zhiliaoapp.musically",
    r"Telegram-Android/": "org.telegram.messenger",
    r"VKAndroidApp/|com\.vk\.vkclient": "com.vkontakte.android",
    r"Twitter for |TwitterAndroid": "com.twitter.android",
    r"LinkedInApp": "com.linkedin.android",
    r"\[Pinterest/": "com.pinterest",
    r"Snapchat[/ ][0-9]": "com.snapchat.android",
    r"MicroMessenger/": "com.tencent.mm",
    r" Line/[0-9]": "jp.naver.line.android",
}
_APP_OF_AGENT = " ".join(
    f"when regexp_matches(agent, {sql_text(said)}) then {sql_text(package)}" for said, package in APPS.items()
)

REQUEST_MACROS = {
    # A page that the browser had (304) is seen as well. Without an answer the line is none, and its kind unknown.
    "request_kind(method, target, status)": f"""
        case when status is null or status = '' then null
        when status like '3%' and status <> '304' then 'redirect'
        when not (status like '2%' or status = '304') then 'error_answer'
        when method not in ('GET', 'POST') then 'other_method'
        when regexp_matches(lower(string_split(target, '?')[1]), '{_FILE}') then 'file'
        when method = 'GET' then 'page_view'
        else 'form' end""",
    # A request without a user agent is no browser's. Cubot makes phones.
    "is_robot(agent)": f"""
        agent is null or agent in ('', '-') or regexp_matches(replace(lower(agent), 'cubot', ''), '{_ROBOT}')""",
    # Android without the word mobile is a tablet, by Google's rule for browsers.
    "device_of(agent)": f"""
        case when agent is null or agent in ('', '-') then null
        when regexp_matches(lower(agent), '{_TABLET}')
            or (contains(lower(agent), 'android') and not contains(lower(agent), 'mobile')) then 'tablet'
        when regexp_matches(lower(agent), '{_MOBILE}') then 'mobile'
        else 'desktop' end""",
    # Where a browser within an app tells no referrer, the app. The scheme says that nobody sent this address.
    "referrer_or_app(referrer, agent)": f"""
        coalesce(nullif(nullif(trim(referrer), ''), '-'), 'in-app://' || case {_APP_OF_AGENT} end || '/')""",
}
