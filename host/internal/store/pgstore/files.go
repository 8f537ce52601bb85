package pgstore

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Files implements store.Files.
func (s *Store) Files(ctx context.Context, q store.FileQuery) (out []store.File, err error) {
	where, args := []string{"true"}, []any{}
	and := func(format string, value any) {
		args = append(args, value)
		where = append(where, strings.ReplaceAll(format, "?", fmt.Sprintf("$%d", len(args))))
	}
	if q.Run != "" {
		and("f.run = (SELECT num FROM spinbot.runs WHERE id = ?)", []byte(q.Run))
	}
	if q.Pipeline != "" {
		and("f.pipeline = ?", []byte(q.Pipeline))
	}
	if q.MediaType != "" {
		and("substr(f.media, 1, length(?::bytea)) = ?", []byte(q.MediaType))
	}
	if q.Text != "" {
		and("position(lower(encode(?, 'escape')) in lower(encode(f.name, 'escape'))) > 0", []byte(q.Text))
	}
	if q.Before != 0 {
		and("f.num < ?", q.Before)
	}
	sql := `SELECT f.num, r.id, f.pipeline, f.digest, f.media, f.name, f.size, f.at, f.created
		FROM spinbot.files f JOIN spinbot.runs r ON r.num = f.run WHERE ` + strings.Join(where, " AND ") + " ORDER BY f.num DESC"
	if q.Limit > 0 {
		sql += fmt.Sprintf(" LIMIT %d", q.Limit)
	}
	err = s.insist(ctx, func(ctx context.Context) error {
		rows, err := s.read.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, file)
		return err
	})
	return out, s.say("list files", err)
}

func file(row pgx.CollectableRow) (store.File, error) {
	var run, pipeline, media, name, at []byte
	var created *int64
	var f store.File
	err := row.Scan(&f.Num, &run, &pipeline, &f.Digest, &media, &name, &f.Size, &at, &created)
	f.Run, f.Pipeline, f.MediaType, f.Name, f.At, f.Created = string(run), string(pipeline), string(media), string(name), string(at), moment(created)
	return f, err
}
