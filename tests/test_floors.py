"""Imports point down, and time, chance, sockets and the environment are each fetched in one place.

The tables below are the rules; docs/floors.md explains them. A new library is a line here.
"""

import ast
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).parent.parent / "src"
PACKAGE = SRC / "evouch"

#: Part → floor. Parts of one floor do not import each other, but for those of floor 0, and ``cli`` joins everything.
FLOORS = {
    "errors": 0, "ids": 0, "units": 0, "clock": 0, "wire": 0, "copies": 0,
    "charging": 1, "oprf": 1,
    "webpayment": 2, "autocharge": 2, "identity": 2, "ocpp": 2, "ocpi": 2, "psp": 2,
    "store": 3,
    "station": 4, "cpo": 4, "emsp": 4,
    "web": 5, "cli": 5,
}  # fmt: skip

#: Part → third-party packages that it may import anywhere in it.
LIBRARIES = {
    "wire": {"msgspec"},
    "charging": {"structlog"},  # agenda: a promise that breaks is said
    "oprf": {"cryptography"},
    "webpayment": {"segno"},
    "autocharge": {"structlog"},
    "identity": {"cryptography", "rfc8785", "coincurve"},
    "ocpp": {"msgspec", "jsonschema_rs", "ocpp", "structlog"},
    "ocpi": {"msgspec", "structlog"},
    "psp": {"msgspec", "jinja2", "structlog"},
    "store": {"msgspec", "cryptography", "structlog", "argon2"},
    "station": {"structlog"},
    "cpo": {"structlog"},
    "emsp": {"structlog"},
    "web": {"msgspec", "jinja2", "structlog"},
    "cli": {"msgspec", "typer", "structlog"},
    "testing": {"msgspec"},
}  # fmt: skip

#: Modules that reach out of the process → files that may import them.
DOORS = {
    "socket ssl picows aiofastnet": ["*/aio*.py", "cli/*"],
    "litestar uvicorn": ["*/aio*.py", "web/*", "*/app.py", "cli/*"],
    "ctypes": ["oprf/group_openssl.py"],
    "httpx2 httpcore2 stamina": ["ocpi/aio*.py", "psp/*/client.py", "psp/*/aio.py", "*/app.py", "cli/*"],
    "sqlalchemy asyncpg alembic": [
        "store/sql*.py",
        "store/columns.py",
        "store/mapping.py",
        "store/tables*.py",
        "store/migrations/*",
    ],
    "sqlite3": ["store/sql*.py", "psp/*/app.py", "psp/*/aio.py", "cli/doctor.py"],
    "subprocess http.client http.server urllib.request multiprocessing signal": ["cli/*"],
}

#: Names that no rule may call → the only files that do.
RESERVED = {
    "datetime.now datetime.utcnow datetime.today date.today": ["clock.py"],
    "time.time time.time_ns time.monotonic time.monotonic_ns time.perf_counter": ["clock.py"],
    "time.sleep": [],
    "os.urandom secrets.token_bytes secrets.token_hex secrets.token_urlsafe secrets.choice secrets.randbelow": [
        "clock.py"
    ],
    "uuid.uuid1 uuid.uuid4 random.random random.randint random.choice random.uniform random.Random": ["clock.py"],
    "os.environ os.getenv": ["cli/config.py"],
    "pickle.loads pickle.dumps marshal.loads": [],
}


@cache
def read(path: Path) -> tuple[list[str], set[str]]:
    """Every module and name that a file imports, and every dotted name in it by its last two words."""
    tree, imported = ast.parse(path.read_text()), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            imported += [f"{'.' * node.level}{node.module}.{each.name}" for each in node.names]
    owned = [(node.value, node.attr) for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    written = {f"{getattr(owner, 'id', getattr(owner, 'attr', ''))}.{name}" for owner, name in owned}
    return imported, written | {".".join(each.split(".")[-2:]) for each in imported}


def files() -> Iterator[tuple[str, str, list[str], set[str]]]:
    """Yield file, part, imports and dotted names; doubles and the package itself may import all."""
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE).as_posix()
        yield file, file.split("/")[0].removesuffix(".py"), *read(path)


def allowed(file: str, patterns: list[str]) -> bool:
    return any(fnmatch(file, pattern) for pattern in patterns)


def points_down(file: str, here: str, there: str) -> bool:
    if here in {there, "testing", "__init__", "__main__"}:
        return True
    if there == "testing":
        return file in {"cli/demo_payment.py", "cli/mock.py"}
    return FLOORS[there] < FLOORS[here] or FLOORS[here] == FLOORS[there] == 0 or (here, there) == ("cli", "web")


def known(file: str, here: str, module: str) -> bool:
    doors = (places for names, places in DOORS.items() for door in names.split() if f"{module}.".startswith(f"{door}."))
    if (places := next(doors, None)) is not None:
        return here == "testing" or allowed(file, places)
    return module.partition(".")[0] in {"evouch", *sys.stdlib_module_names, *LIBRARIES.get(here, ())}


def test_imports_point_down() -> None:
    ours = [(file, here, each) for file, here, found, _ in files() for each in found if each.startswith("evouch.")]
    assert [] == [(file, each) for file, here, each in ours if not points_down(file, here, each.split(".")[1])]


def test_libraries_are_those_of_the_part_and_doors_stay_where_they_are() -> None:
    assert [] == [(file, each) for file, here, found, _ in files() for each in found if not known(file, here, each)]


@pytest.mark.parametrize(("names", "places"), RESERVED.items(), ids=[names.split()[0] for names in RESERVED])
def test_time_chance_and_environment_are_arguments(names: str, places: list[str]) -> None:
    found = [(file, used & set(names.split())) for file, _, _, used in files() if not allowed(file, places)]
    assert [] == [(file, used) for file, used in found if used]


def test_sql_is_chosen_only_where_a_service_is_built() -> None:
    places = ["store/*", "*/app.py", "cli/*", "testing/*"]
    found = [(file, each) for file, _, found, _ in files() for each in found if each.startswith("evouch.store.sql")]
    assert [] == [(file, each) for file, each in found if not allowed(file, places)]
