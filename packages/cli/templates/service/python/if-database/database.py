"""PostgreSQL: connections as the role that owns this service's schema, and its migrations. Copy it into other services."""

import asyncio
import hashlib
from pathlib import Path

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

# In the folder in which main.py starts.
MIGRATIONS = Path("migrations")


async def open_database() -> AsyncConnectionPool:
    """A pool that connects as PGHOST, PGUSER and so on say, once the schema is up to date."""
    await migrate()
    pool = AsyncConnectionPool(max_size=10, open=False, check=AsyncConnectionPool.check_connection)
    await pool.open(wait=True)
    return pool


async def migrate() -> None:
    """Applies what is new in migrations/, one transaction a file. Replicas that start together take turns."""
    async with await AsyncConnection.connect(autocommit=True) as connection:
        # The lock and the table are those of Weft's kit for TypeScript. The lock ends with the session.
        lock = "select pg_try_advisory_lock(hashtextextended('weft.migrate.' || current_schema(), 0))"
        while (await (await connection.execute(lock)).fetchone()) != (True,):
            await asyncio.sleep(0.1)
        await connection.execute(
            "create table if not exists schema_migrations "
            "(name text primary key, checksum text not null, applied_at timestamptz not null default now())"
        )
        applied = dict(await (await connection.execute("select name, checksum from schema_migrations")).fetchall())
        for file in sorted(MIGRATIONS.glob("*.sql")):
            checksum = hashlib.sha256(file.read_bytes()).hexdigest()
            if file.name not in applied:
                async with connection.transaction():
                    await connection.execute(file.read_text())
                    await connection.execute(
                        "insert into schema_migrations (name, checksum) values (%s, %s)", (file.name, checksum)
                    )
                print(f"migrated {file.name}", flush=True)
            elif applied[file.name] != checksum:
                raise SystemExit(f"migration {file.name} was changed after it was applied; undo that and add a new one")
