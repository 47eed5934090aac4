package main

// PostgreSQL: connections as the role that owns this service's schema, and its migrations. Copy it into other services.

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"log"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

//go:embed migrations/*.sql
var migrations embed.FS

// openDatabase is a pool that connects as PGHOST, PGUSER and so on say, once the schema is up to date.
func openDatabase(ctx context.Context) (*pgxpool.Pool, error) {
	if err := migrate(ctx); err != nil {
		return nil, err
	}
	return pgxpool.New(ctx, "")
}

// migrate applies what is new in migrations/, one transaction a file. Replicas that start together take turns.
func migrate(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, "")
	if err != nil {
		return err
	}
	// The lock ends with the session.
	defer conn.Close(ctx)
	// The lock and the table are those of Weft's kit for TypeScript.
	for locked := false; !locked; {
		err := conn.QueryRow(ctx, "select pg_try_advisory_lock(hashtextextended('weft.migrate.' || current_schema(), 0))").Scan(&locked)
		if err != nil {
			return err
		}
		if !locked {
			time.Sleep(100 * time.Millisecond)
		}
	}
	_, err = conn.Exec(ctx, `create table if not exists schema_migrations
		(name text primary key, checksum text not null, applied_at timestamptz not null default now())`)
	if err != nil {
		return err
	}
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return err
	}
	for _, file := range files {
		if err := apply(ctx, conn, file.Name()); err != nil {
			return fmt.Errorf("migration %s: %w", file.Name(), err)
		}
	}
	return nil
}

func apply(ctx context.Context, conn *pgx.Conn, name string) error {
	sql, err := migrations.ReadFile("migrations/" + name)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(sql)
	checksum := hex.EncodeToString(sum[:])
	var applied string
	err = conn.QueryRow(ctx, "select checksum from schema_migrations where name = $1", name).Scan(&applied)
	if err == nil && applied != checksum {
		return fmt.Errorf("it was changed after it was applied; undo that and add a new one")
	}
	if err != pgx.ErrNoRows {
		return err
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, string(sql)); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "insert into schema_migrations (name, checksum) values ($1, $2)", name, checksum)
		return err
	})
	if err == nil {
		log.Printf("migrated %s", name)
	}
	return err
}
