"""A table of invalid files and the exact message for each."""

from tests.config.samples import HASH, OTHER_HASH, SECRET

NAME = "a name: 1 to 63 letters, digits, - _ or ., starting with a letter or digit"
DURATION = "a duration with a unit: 500ms, 4s, 15m, 24h, 30d"
USD = "US dollars, 0 or more, at most 1000000000, at most 6 decimals, such as 40 or 0.052"
USD_ABOVE = USD.replace("0 or more", "above 0")
LISTEN = "host:port, such as 127.0.0.1:8080, 0.0.0.0:8080 or [::1]:8080"
URL = "http(s)://host with an optional port and path; no user, query or fragment"
PUBLIC = f"the URL at which clients reach the gateway: {URL}"
HASHED = "sha256:<64 hex digits>, from `video-gateway keys hash`"
GLOB = 'a pattern such as "google/*": letters, digits, . _ : / @ ~ + - with * and ?'
DATABASE = "sqlite:///var/gateway.db, sqlite:////absolute/path, or postgresql://user:pass@host/db"
TEXT_SECRET = "a signing secret: text of at least 16 characters without line breaks or outer spaces"
NETWORK = "a network such as 10.0.0.0/8 or fd00::/8, without host bits"
ENDPOINT = "an http:// or https:// URL with a host; no user and password, no fragment"
RESOLUTION = "a resolution: 360p, 480p, 720p, 768p, 1080p, 1K, 2K, 4K, or another <lines>p"
HEADERS = (
    "webhooks[0].headers: saw a mapping; allowed: a mapping of at most 20 header names to values,"
    " such as {X-Token: a-token}; not Host, Connection, Content-*, User-Agent, Webhook-* or"
    " X-OpenRouter-*"
)
SERVER_KEYS = (
    "listen, admin_listen, public_url, max_body_mb, max_body_mb_in_flight, "
    "max_connections_per_peer, trusted_proxies, answer_within, drain_seconds, "
    "keepalive, lame_duck"
)


def upstream(more: str) -> str:
    return f"upstreams:\n  a: {{base_url: https://a.example/v1, api_key: key, {more}}}\n"


def team(more: str) -> str:
    return f"teams:\n  growth: {{{more}}}\n"


def hook(more: str) -> str:
    return f"webhooks:\n  - {{name: farm, url: https://h.example, secret: {SECRET}, {more}}}\n"


# Invalid file -> its only mistake.
ONE_MISTAKE = [
    # the shape of the file
    ("upstreams: {}\n", "upstreams: saw a mapping; allowed: a mapping with at least one entry"),
    ("teams: {}\n", "teams: saw a mapping; allowed: a mapping with at least one entry"),
    ("teams:\n", "teams: saw null; allowed: a mapping"),
    ("teams: [growth]\n", "teams: saw a list; allowed: a mapping"),
    ("teams: {growth: }\n", "teams.growth: saw null; allowed: a mapping"),
    ("server:\n", "server: saw null; allowed: a mapping"),
    ("server: [1]\n", "server: saw a list; allowed: a mapping"),
    ("budgets:\n", "budgets: saw null; allowed: a list ([] for none)"),
    ("budgets: {period: day}\n", "budgets: saw a mapping; allowed: a list ([] for none)"),
    (
        "webhooks: https://x.example/s3cret\n",
        "webhooks: saw (hidden); allowed: a list ([] for none)",
    ),
    ("server: {listen: 127.0.0.1:1}\nserver: {}\n", "server: duplicate key, first on line 1"),
    (
        "servers: {}\n",
        (
            "servers: unknown key; allowed: server, database, content, signing_key, upstreams, "
            "routing, catalog, pricing, budgets, teams, webhooks, policy, callbacks, delivery, "
            'admin, telemetry (did you mean "server"?)'
        ),
    ),
    (
        "server: {listn: x}\n",
        f'server.listn: unknown key; allowed: {SERVER_KEYS} (did you mean "listen"?)',
    ),
    ("server: {qqq: x}\n", f"server.qqq: unknown key; allowed: {SERVER_KEYS}"),
    (
        upstream("api_keys: sk-misplaced"),
        (
            "upstreams.a.api_keys: unknown key; allowed: base_url, api_key, webhook_secrets, zdr, "
            'timeout, poll, unknown_ttl, lost_after (did you mean "api_key"?)'
        ),
    ),
    # server
    ("server: {listen: 8080}\n", f"server.listen: saw 8080; allowed: {LISTEN}"),
    ('server: {listen: ":8080"}\n', f'server.listen: saw ":8080"; allowed: {LISTEN}'),
    ("server: {listen: 1.2.3:80}\n", f'server.listen: saw "1.2.3:80"; allowed: {LISTEN}'),
    ("server: {listen: a.b:65536}\n", f'server.listen: saw "a.b:65536"; allowed: {LISTEN}'),
    ('server: {listen: "::1:80"}\n', f'server.listen: saw "::1:80"; allowed: {LISTEN}'),
    (
        "server: {listen: [127.0.0.1:80, 127.0.0.1:80]}\n",
        "server.listen: saw a list; allowed: one address, or a list of different addresses",
    ),
    (
        "server: {listen: []}\n",
        "server.listen: saw a list; allowed: one address, or a list of different addresses",
    ),
    (
        "server: {listen: [127.0.0.1:8081, 127.0.0.1:8082], admin_listen: 127.0.0.1:8082}\n",
        'server.admin_listen: `listen` and `admin_listen` must differ; saw "127.0.0.1:8082"',
    ),
    ('server: {listen: "[zz]:80"}\n', f'server.listen: saw "[zz]:80"; allowed: {LISTEN}'),
    (
        "server: {admin_listen: 127.0.0.1:8080}\n",
        'server.admin_listen: `listen` and `admin_listen` must differ; saw "127.0.0.1:8080"',
    ),
    (
        "server: {public_url: video.example.com}\n",
        f'server.public_url: saw "video.example.com"; allowed: {PUBLIC}',
    ),
    (
        "server: {public_url: ftp://video.example.com}\n",
        f'server.public_url: saw "ftp://video.example.com"; allowed: {PUBLIC}',
    ),
    (
        "server: {public_url: https://user:pw@video.example.com}\n",
        f'server.public_url: saw "(hidden)"; allowed: {PUBLIC}',
    ),
    (
        'server: {public_url: "https://video.example.com/?token=x"}\n',
        f'server.public_url: saw "https://video.example.com/"; allowed: {PUBLIC}',
    ),
    (
        "server: {public_url: https://video.example.com:99999}\n",
        f'server.public_url: saw "https://video.example.com:99999"; allowed: {PUBLIC}',
    ),
    (
        "server: {max_body_mb: 0}\n",
        "server.max_body_mb: saw 0; allowed: an integer from 1 to 1024",
    ),
    (
        "server: {max_body_mb: 6.5}\n",
        "server.max_body_mb: saw 6.5; allowed: an integer from 1 to 1024",
    ),
    (
        "server: {max_body_mb: true}\n",
        "server.max_body_mb: saw true; allowed: an integer from 1 to 1024",
    ),
    (
        "server: {max_body_mb: 0x40}\n",
        'server.max_body_mb: saw "0x40"; allowed: an integer from 1 to 1024',
    ),
    ("server: {answer_within: 4}\n", f"server.answer_within: saw 4; allowed: {DURATION}"),
    ("server: {answer_within: 4 s}\n", f'server.answer_within: saw "4 s"; allowed: {DURATION}'),
    ("server: {answer_within: 4sec}\n", f'server.answer_within: saw "4sec"; allowed: {DURATION}'),
    ("server: {answer_within: -4s}\n", f'server.answer_within: saw "-4s"; allowed: {DURATION}'),
    (
        "server: {answer_within: 1h}\n",
        'server.answer_within: saw "1h"; allowed: a duration from 100ms to 10m',
    ),
    (
        "server: {drain_seconds: 30s}\n",
        'server.drain_seconds: saw "30s"; allowed: an integer from 0 to 3600',
    ),
    # database, content, signing_key
    ("database: {url: mysql://h/db}\n", f'database.url: saw "mysql://h/db"; allowed: {DATABASE}'),
    (
        "database: {url: postgres://u:pw@h/db}\n",
        f'database.url: saw "(hidden)"; allowed: {DATABASE}',
    ),
    ("database: {url: sqlite:///}\n", f'database.url: saw "sqlite:///"; allowed: {DATABASE}'),
    ("database: {url: sqlite://x.db}\n", f'database.url: saw "sqlite://x.db"; allowed: {DATABASE}'),
    (
        'database: {url: "sqlite:///:memory:"}\n',
        (
            'database.url: saw "sqlite:///:memory:"; allowed: a database file; an in-memory '
            "database would lose jobs and budgets at a restart"
        ),
    ),
    (
        "content: {mode: keep}\n",
        'content.mode: saw "keep"; allowed: passthrough, cache or archive',
    ),
    (
        "content: {url: gs://bucket}\n",
        (
            'content.url: saw "gs://bucket"; allowed: a folder such as var/content, or '
            "s3://bucket/prefix"
        ),
    ),
    (
        "content: {max_gb: 0}\n",
        "content.max_gb: saw 0; allowed: a number above 0 and up to 10000000",
    ),
    (
        "content: {retention: forever}\n",
        f'content.retention: saw "forever"; allowed: {DURATION}',
    ),
    (
        "signing_key: short\n",
        "signing_key: saw (hidden); allowed: a signing key: at least 32 bytes",
    ),
    # upstreams
    (
        "upstreams:\n  a: {api_key: key}\n",
        "upstreams.a.base_url: required key is missing",
    ),
    (
        "upstreams:\n  a: {base_url: https://a.example}\n",
        "upstreams.a.api_key: required key is missing",
    ),
    (
        "upstreams:\n  a: {base_url: https://a.example, api_key: ''}\n",
        (
            "upstreams.a.api_key: saw (hidden); allowed: a key: non-empty visible ASCII without "
            "spaces or line breaks"
        ),
    ),
    (
        'upstreams:\n  a: {base_url: https://a.example, api_key: "key\\n"}\n',
        (
            "upstreams.a.api_key: saw (hidden); allowed: a key: non-empty visible ASCII without "
            "spaces or line breaks"
        ),
    ),
    (
        "upstreams:\n  a b: {base_url: https://a.example, api_key: key}\n",
        f'upstreams["a b"]: allowed: {NAME}',
    ),
    (
        upstream("webhook_secrets: [short]"),
        (
            "upstreams.a.webhook_secrets[0]: saw (hidden); allowed: a signing secret: at least 16 "
            "characters"
        ),
    ),
    (
        upstream("webhook_secrets: a-secret-of-enough-characters"),
        "upstreams.a.webhook_secrets: saw (hidden); allowed: a list ([] for none)",
    ),
    (upstream("zdr: yes"), 'upstreams.a.zdr: saw "yes"; allowed: true or false'),
    (upstream("zdr: null"), "upstreams.a.zdr: saw null; allowed: true or false"),
    (
        upstream("timeout: {connect: 0s}"),
        'upstreams.a.timeout.connect: saw "0s"; allowed: a duration from 1ms to 1h',
    ),
    (
        upstream("poll: {first: 1m}"),
        # the default of `max` conflicts with `first`
        "upstreams.a.poll.max: saw 30s; allowed: a duration of at least poll.first",
    ),
    (
        upstream("poll: {factor: 0.5}"),
        "upstreams.a.poll.factor: saw 0.5; allowed: a number from 1 to 10",
    ),
    (
        upstream("poll: {first: 10s, max: 5s}"),
        'upstreams.a.poll.max: saw "5s"; allowed: a duration of at least poll.first',
    ),
    (
        upstream("unknown_ttl: 30s"),
        (
            'upstreams.a.unknown_ttl: saw "30s"; allowed: a duration of at least '
            "timeout.submit, because an answer may arrive until then"
        ),
    ),
    # routing
    ("routing: []\n", "routing: saw a list; allowed: a list with at least one entry"),
    (
        "routing:\n  - to: openroutr\n",
        (
            'routing[0].to: unknown upstream; saw "openroutr"; allowed: openrouter (did you mean '
            '"openrouter"?)'
        ),
    ),
    (
        "routing:\n  - {to: openrouter, when: {zdr: true}}\n",
        (
            'routing[0].to: saw "openrouter"; allowed: an upstream with `zdr: true`, because '
            "the rule has `when.zdr: true`"
        ),
    ),
    (
        "routing:\n  - {to: openrouter, when: {teams: [grwth]}}\n",
        (
            'routing[0].when.teams[0]: unknown team; saw "grwth"; allowed: growth (did you mean '
            '"growth"?)'
        ),
    ),
    (
        "routing:\n  - {to: openrouter, when: {models: []}}\n",
        "routing[0].when.models: saw a list; allowed: a list with at least one entry",
    ),
    ("routing:\n  - {when: {zdr: false}}\n", "routing[0].to: required key is missing"),
    ("routing: [openrouter]\n", 'routing[0]: saw "openrouter"; allowed: a mapping'),
    # catalog, pricing
    (
        "catalog: {refresh: 2d, max_stale: 1d}\n",
        'catalog.max_stale: saw "1d"; allowed: a duration of at least catalog.refresh',
    ),
    ("pricing: {unpriced: allow}\n", 'pricing.unpriced: saw "allow"; allowed: refuse or reserve'),
    ("pricing: {unpriced_usd: 0}\n", f"pricing.unpriced_usd: saw 0; allowed: {USD_ABOVE}"),
    ("pricing: {include_byok: 1}\n", "pricing.include_byok: saw 1; allowed: true or false"),
    # budgets
    (
        "budgets:\n  - {period: fortnight, limit_usd: 1}\n",
        'budgets[0].period: saw "fortnight"; allowed: day, week, month or total',
    ),
    (
        "budgets:\n  - {period: day, limit_usd: 0.0000001}\n",
        f"budgets[0].limit_usd: saw 0.0000001; allowed: {USD}",
    ),
    (
        "budgets:\n  - {period: day, limit_usd: -1}\n",
        f"budgets[0].limit_usd: saw -1; allowed: {USD}",
    ),
    (
        "budgets:\n  - {period: day, limit_usd: 1e3}\n",
        f"budgets[0].limit_usd: saw 1e3; allowed: {USD}",
    ),
    (
        "budgets:\n  - {period: day, limit_usd: .nan}\n",
        f'budgets[0].limit_usd: saw ".nan"; allowed: {USD}',
    ),
    (
        "budgets:\n  - {period: day, limit_usd: $40}\n",
        f'budgets[0].limit_usd: saw "$40"; allowed: {USD}',
    ),
    (
        "budgets:\n  - {period: day, limit_usd: 1_000}\n",
        f'budgets[0].limit_usd: saw "1_000"; allowed: {USD}',
    ),
    (
        "budgets:\n  - {period: day, limit_usd: 1000000000.01}\n",
        f"budgets[0].limit_usd: saw 1000000000.01; allowed: {USD}",
    ),
    ("budgets:\n  - {limit_usd: 1}\n", "budgets[0].period: required key is missing"),
    (
        "budgets:\n  - {period: day, limit_usd: 1, alerts: [80]}\n",
        "budgets[0].alerts[0]: saw 80; allowed: a number above 0 and up to 1",
    ),
    (
        "budgets:\n  - {period: day, limit_usd: 1, alerts: [0]}\n",
        "budgets[0].alerts[0]: saw 0; allowed: a number above 0 and up to 1",
    ),
    (
        "budgets:\n  - {period: day, limit_usd: 1, alerts: 0.5}\n",
        "budgets[0].alerts: saw 0.5; allowed: a list ([] for none)",
    ),
    (
        "budgets:\n  - {period: day, limit_usd: 1, key: ci}\n",
        'budgets[0].key: only a team\'s budget may name a key; saw "ci"',
    ),
    (
        "budgets:\n  - {period: day, limit_usd: 1, models: []}\n",
        "budgets[0].models: saw a list; allowed: a list with at least one entry",
    ),
    (
        team("budgets: [{period: day, limit_usd: 1}, {period: day, limit_usd: 2}]"),
        (
            "teams.growth.budgets[1]: teams.growth.budgets[0] has the same period, models and "
            "key; saw a mapping"
        ),
    ),
    (
        (
            "budgets:\n  - {period: day, limit_usd: 1, models: [a, b]}\n"
            "  - {period: day, limit_usd: 2, models: [b, a]}\n"
        ),
        "budgets[1]: budgets[0] has the same period, models and key; saw a mapping",
    ),
    # teams
    ("teams: {-x: {}}\n", f"teams.-x: allowed: {NAME}"),
    (team("keys: [vg_pasted]"), "teams.growth.keys[0]: saw (hidden); allowed: a mapping"),
    (team("keys: vg_pasted"), "teams.growth.keys: saw (hidden); allowed: a list ([] for none)"),
    (
        team("keys: [{name: ci, hash: vg_pasted}]"),
        f"teams.growth.keys[0].hash: saw (hidden); allowed: {HASHED}",
    ),
    (
        team(
            "keys: [{name: ci, hash: 'sha256:"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'}]"
        ),
        (
            "teams.growth.keys[0].hash: saw (hidden); allowed: the hash of a key; this is "
            "the hash of an empty text"
        ),
    ),
    (
        team(f"keys: [{{name: ci, hash: '{HASH}'}}, {{name: ci, hash: '{OTHER_HASH}'}}]"),
        'teams.growth.keys[1].name: teams.growth.keys[0] has the same name; saw "ci"',
    ),
    (
        (
            f"teams:\n  a: {{keys: [{{name: ci, hash: '{HASH}'}}]}}\n"
            f"  b: {{keys: [{{name: ci, hash: '{HASH.upper().replace('SHA', 'sha')}'}}]}}\n"
        ),
        "teams.b.keys[0].hash: teams.a.keys[0].hash has the same hash; saw (hidden)",
    ),
    (team("zdr: deny"), 'teams.growth.zdr: saw "deny"; allowed: allow or require'),
    (team("retain: null"), "teams.growth.retain: saw null; allowed: true or false"),
    (
        team("models: {allow: null}"),
        "teams.growth.models.allow: saw null; allowed: a list ([] for none)",
    ),
    (
        team("models: {allow: ['google/[ab]*']}"),
        f'teams.growth.models.allow[0]: saw "google/[ab]*"; allowed: {GLOB}',
    ),
    (
        team("limits: {max_resolution: huge}"),
        f'teams.growth.limits.max_resolution: saw "huge"; allowed: {RESOLUTION}',
    ),
    (
        team("limits: {max_duration: 1m}"),
        (
            'teams.growth.limits.max_duration: saw "1m"; allowed: whole seconds (8 or 8s) '
            "from 1 to "
            "86400"
        ),
    ),
    (
        team("limits: {concurrent_jobs: 0}"),
        "teams.growth.limits.concurrent_jobs: saw 0; allowed: an integer from 1 to 1000000",
    ),
    (
        team("limits: {max_cost_usd: lots}"),
        f'teams.growth.limits.max_cost_usd: saw "lots"; allowed: {USD}',
    ),
    (team("dedupe: {ttl: 24}"), f"teams.growth.dedupe.ttl: saw 24; allowed: {DURATION}"),
    # subscribers
    (
        hook("events: [video generation]"),
        f'webhooks[0].events[0]: saw "video generation"; allowed: {GLOB}',
    ),
    *(
        (
            hook(f"headers: {headers}"),
            HEADERS,
        )
        for headers in (
            "{Host: evil}",
            "{content-length: '5'}",
            "{X-OpenRouter-Signature: mine}",
            "{'a b': c}",
            '{X-Token: "one\\r\\nTwo: 2"}',
            "{X-Token: ''}",
            "{X-A: 'é'}",
            "{X-A: a, x-a: b}",
        )
    ),
    (
        "webhooks:\n  - {name: a, url: https://h.example, secret: short}\n",
        "webhooks[0].secret: saw (hidden); allowed: a signing secret: at least 16 characters",
    ),
    (
        "webhooks:\n  - {name: a, url: https://h.example}\n",
        "webhooks[0].secret: required key is missing",
    ),
    (
        f"webhooks:\n  - {{name: a, url: https://h.example, secret: '{SECRET} '}}\n",
        f"webhooks[0].secret: saw (hidden); allowed: {TEXT_SECRET}",
    ),
    (
        f"webhooks:\n  - {{name: a, url: ftp://h.example/T0/s3cret, secret: {SECRET}}}\n",
        f'webhooks[0].url: saw "ftp://h.example/(hidden)"; allowed: {ENDPOINT}',
    ),
    (
        f"webhooks:\n  - {{name: a, url: 'https://u:pw@h.example', secret: {SECRET}}}\n",
        f'webhooks[0].url: saw "(hidden)"; allowed: {ENDPOINT}',
    ),
    (
        hook("events: ['*']") + f"  - {{name: farm, url: https://i.example, secret: {SECRET}}}\n",
        'webhooks[1].name: webhooks[0] has the same name; saw "farm"',
    ),
    # callbacks, delivery, admin, telemetry
    (
        "callbacks: {allow_networks: [10.0.0.1/8]}\n",
        f'callbacks.allow_networks[0]: saw "10.0.0.1/8"; allowed: {NETWORK}',
    ),
    (
        "callbacks: {allow_networks: [10]}\n",
        f"callbacks.allow_networks[0]: saw 10; allowed: {NETWORK}",
    ),
    (
        "delivery: {retries: 5s}\n",
        'delivery.retries: saw "5s"; allowed: a list ([] for none)',
    ),
    (
        "delivery: {retries: [5s, 5]}\n",
        f"delivery.retries[1]: saw 5; allowed: {DURATION}",
    ),
    (
        f"delivery: {{retries: [{', '.join(['5s'] * 51)}]}}\n",
        "delivery.retries: saw a list; allowed: a list of at most 50 entries",
    ),
    ("admin: {tokens: [vgadmin]}\n", "admin.tokens[0]: saw (hidden); allowed: a mapping"),
    (
        "telemetry: {log_level: trace}\n",
        'telemetry.log_level: saw "trace"; allowed: debug, info, warning or error',
    ),
    (
        "telemetry: {otlp_endpoint: localhost}\n",
        (f'telemetry.otlp_endpoint: saw "localhost"; allowed: the URL of an OTLP collector: {URL}'),
    ),
    # the environment
    (
        "routing:\n  - to: '${EMPTY:-openroutr}'\n",
        "routing[0].to: unknown upstream; saw (hidden); allowed: openrouter",
    ),
    (
        "database: {url: ${NOWHERE}}\n",
        (
            "database.url: the environment variable NOWHERE is not set (set it, or use "
            "${NOWHERE:-default})"
        ),
    ),
    (
        "database: {url: '${NO WHERE}'}\n",
        (
            "database.url: invalid `${...}` placeholder; allowed: ${NAME}, ${NAME:-default} or "
            "${file:/path}, and $${ for a literal ${"
        ),
    ),
    (
        "server: {listen: '${EMPTY:-nonsense}'}\n",
        f"server.listen: saw (hidden); allowed: {LISTEN}",
    ),
]
