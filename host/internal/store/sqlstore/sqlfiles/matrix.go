package sqlfiles

import (
	"context"
	"database/sql"
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/myspinbot/spinbot/host/internal/store"
)

const (
	maxMatrix = 128 << 20        // bytes of vectors that are kept in memory; of more than that, all are read for each search
	idleFor   = 10 * time.Minute // without a search, and the memory is given back
)

// matrix has the vectors of one space in memory, between searches: reading them takes longer than comparing them.
type matrix struct {
	removed atomic.Int64 // counts what took files away

	mu   sync.Mutex
	in   store.Space
	has  bool
	at   int64 // removed, when it was read
	nums []int64
	rows []float32
	row  map[int64]int // by number
	idle *time.Timer
}

// Removed says that files have gone.
func (t *Table) Removed() { t.near.removed.Add(1) }

// set takes in what was described; it holds the lock.
func (m *matrix) set(in store.Space, x store.Meaning) {
	k, known := m.row[x.Num]
	switch there := in == m.in && x.Vector != nil; {
	case there && known:
		copy(m.rows[k*in.Dimensions:], x.Vector)
	case there:
		m.add(x.Num, x.Vector)
	case known:
		m.drop(k)
	}
}

func (m *matrix) add(num int64, vector []float32) {
	m.row[num] = len(m.nums)
	m.nums, m.rows = append(m.nums, num), append(m.rows, vector...)
}

// drop puts the last row in the place of one.
func (m *matrix) drop(k int) {
	last, d := len(m.nums)-1, m.in.Dimensions
	delete(m.row, m.nums[k])
	if k != last {
		m.nums[k], m.row[m.nums[last]] = m.nums[last], k
		copy(m.rows[k*d:], m.rows[last*d:])
	}
	m.nums, m.rows = m.nums[:last], m.rows[:last*d]
}

func (m *matrix) forget() {
	m.has, m.nums, m.rows, m.row = false, nil, nil, nil
}

// read has the vectors of a space in memory, unless there are too many. It holds the lock.
func (t *Table) readMatrix(ctx context.Context, in store.Space) (fits bool, err error) {
	m := &t.near
	at := m.removed.Load()
	if m.has && m.in == in && m.at == at {
		return true, nil
	}
	m.forget()
	d, err := t.Described(ctx, in)
	if err != nil || d.Vectors*in.Dimensions > maxMatrix/4 {
		return false, err
	}
	m.in, m.at, m.row = in, at, make(map[int64]int, d.Vectors)
	m.rows = slices.Grow(m.rows, d.Vectors*in.Dimensions)
	if err := t.eachVector(ctx, in, "true", nil, m.add); err != nil {
		m.forget()
		return false, err
	}
	m.has = true
	return true, nil
}

// eachVector calls fn with the vectors of files in a space; vector is fn's during the call.
func (t *Table) eachVector(ctx context.Context, in store.Space, where string, args []any, fn func(num int64, vector []float32)) error {
	query := "SELECT v.num, v.vector FROM vectors v JOIN meanings m ON m.num = v.num"
	if len(args) > 0 {
		query += " JOIN files f ON f.num = v.num"
	}
	rows, err := t.cfg.Read.QueryContext(ctx, query+" WHERE "+where+" AND m.model = ? AND m.dims = ?", append(args, in.Model, in.Dimensions)...)
	if err != nil {
		return t.cfg.Explain(ctx, finding, err)
	}
	defer rows.Close()
	one := make([]float32, in.Dimensions)
	for rows.Next() {
		var num int64
		var raw sql.RawBytes
		if err := rows.Scan(&num, &raw); err != nil {
			return t.cfg.Explain(ctx, finding, err)
		}
		if len(raw) != 4*len(one) {
			continue // no vector of the space
		}
		for k := range one {
			one[k] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*k:]))
		}
		fn(num, one)
	}
	if err := rows.Err(); err != nil {
		return t.cfg.Explain(ctx, finding, err)
	}
	return nil
}

// best gives the files whose meanings are most like the vector.
func (t *Table) best(ctx context.Context, in store.Space, vector []float32, q store.FileQuery, skip int) ([]store.Scored, error) {
	best := store.NewBest(skip + q.Limit)
	where, args := selects(q)
	m := &t.near
	m.mu.Lock()
	defer m.mu.Unlock()
	fits, err := t.readMatrix(ctx, in)
	switch d := in.Dimensions; {
	case err != nil:
		return nil, err
	case !fits:
		err = t.eachVector(ctx, in, where, args, func(num int64, row []float32) { best.Add(num, store.Dot(row, vector)) })
	case len(args) > 0:
		err = t.eachNum(ctx, where, args, func(num int64) {
			if k, ok := m.row[num]; ok {
				best.Add(num, store.Dot(m.rows[k*d:(k+1)*d], vector))
			}
		})
	default:
		for k, num := range m.nums {
			best.Add(num, store.Dot(m.rows[k*d:(k+1)*d], vector))
		}
	}
	if m.idle == nil {
		m.idle = time.AfterFunc(idleFor, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.forget()
		})
	}
	m.idle.Reset(idleFor)
	return best.Page(skip), err
}

// eachNum calls fn with the numbers of files.
func (t *Table) eachNum(ctx context.Context, where string, args []any, fn func(num int64)) error {
	rows, err := t.cfg.Read.QueryContext(ctx, "SELECT f.num FROM files f WHERE "+where, args...)
	if err != nil {
		return t.cfg.Explain(ctx, finding, err)
	}
	defer rows.Close()
	for rows.Next() {
		var num int64
		if err := rows.Scan(&num); err != nil {
			return t.cfg.Explain(ctx, finding, err)
		}
		fn(num)
	}
	if err := rows.Err(); err != nil {
		return t.cfg.Explain(ctx, finding, err)
	}
	return nil
}
