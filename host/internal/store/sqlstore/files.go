package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// Files implements store.Files.
func (s *Store) Files(ctx context.Context, q store.FileQuery) (out []store.File, err error) {
	where, args := []string{"true"}, []any{}
	and := func(sql string, values ...any) {
		where = append(where, sql)
		args = append(args, values...)
	}
	if q.Run != "" {
		and("f.run = (SELECT num FROM runs WHERE id = ?)", q.Run)
	}
	if q.Pipeline != "" {
		and("f.pipeline = ?", q.Pipeline)
	}
	if q.MediaType != "" {
		and("substr(f.media, 1, length(?)) = ?", q.MediaType, q.MediaType)
	}
	if q.Text != "" {
		and("instr(lower(f.name), ?) > 0", store.Lower(q.Text))
	}
	if q.Before != 0 {
		and("f.num < ?", q.Before)
	}
	limit := -1 // none
	if q.Limit > 0 {
		limit = q.Limit
	}
	rows, err := s.read.QueryContext(ctx, `SELECT f.num, r.id, f.pipeline, f.digest, f.media, f.name, f.size, f.at, f.created
		FROM files f JOIN runs r ON r.num = f.run WHERE `+strings.Join(where, " AND ")+" ORDER BY f.num DESC LIMIT ?", append(args, limit)...)
	if err != nil {
		return nil, s.filesError(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		var f store.File
		var created sql.NullInt64
		if err := rows.Scan(&f.Num, &f.Run, &f.Pipeline, &f.Digest, &f.MediaType, &f.Name, &f.Size, &f.At, &created); err != nil {
			return nil, s.filesError(ctx, err)
		}
		f.Created = moment(created)
		out = append(out, f)
	}
	if err := rows.Err(); err != nil {
		return nil, s.filesError(ctx, err)
	}
	return out, nil
}

func (s *Store) filesError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("list files: %w", context.Cause(ctx))
	}
	return s.explain("list files", s.ended(err))
}
