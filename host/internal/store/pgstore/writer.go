package pgstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/myspinbot/spinbot/host/internal/store"
)

// writer owns the connection that appends. All but its opening and closing happens on its goroutine.
type writer struct {
	s       *Store
	conn    *pgx.Conn // nil: lost
	group   int64     // number of the last group
	heads   int       // written since Open
	ctx     context.Context
	stopped context.CancelCauseFunc
}

func newWriter(s *Store, conn *pgx.Conn) *writer {
	w := &writer{s: s, conn: conn}
	w.ctx, w.stopped = context.WithCancelCause(context.Background())
	return w
}

// run commits group after group until the store ends.
func (w *writer) run() {
	defer close(w.s.done)
	last := 0
	for range w.s.wake {
		runtime.Gosched() // those who were just answered are runnable: let them join this group
		if last >= crowd {
			w.s.gather(last)
		}
		group, end := w.s.take()
		last = len(group)
		switch {
		case last > 0 && end != nil && !errors.Is(end, store.ErrClosed):
			refuse(group, end)
		case last > 0:
			w.write(group)
		}
		if end != nil && last == 0 {
			return
		}
		if end != nil {
			poke(w.s.wake) // once more, for those that came before the end
		}
	}
}

// write commits the group and answers everybody.
func (w *writer) write(group []*item) {
	good := group[:0]
	for _, it := range group {
		if it.ctx.Err() != nil {
			it.finish(fmt.Errorf("%s: append: %w", it.a.Run, context.Cause(it.ctx)))
			continue
		}
		if it.a.After > 0 {
			it.epoch = w.s.own.get(it.a.Run)
		}
		good = append(good, it)
	}
	if len(good) == 0 {
		return
	}
	w.group++
	odd, err := w.commit(good)
	if err != nil {
		w.stop(good, err)
		return
	}
	w.s.commits.Add(1)
	w.answer(good, odd)
}

// answerFor is how long a group may take before its connection is taken for lost.
const answerFor = 30 * time.Second

// result is what became of an append, beside a plain success.
type result struct {
	epoch  int64   // at which the host owns the run from now on; 0: refused
	head   int64   // where its journal stands
	holder *string // who owns it instead; nil: the sequence number was wrong
}

// commit sends the group until it is known to be stored, or not to be.
func (w *writer) commit(group []*item) (odd map[int]result, err error) {
	args := w.arguments(group)
	err = w.s.again(w.ctx, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, answerFor)
		defer cancel()
		if err := w.connect(ctx); err != nil {
			return err
		}
		odd, err = w.send(ctx, args)
		return err
	})
	return odd, err
}

func (w *writer) connect(ctx context.Context) (err error) {
	if w.conn != nil && !w.conn.IsClosed() {
		return nil
	}
	w.conn, err = pgx.ConnectConfig(ctx, w.s.config)
	return err
}

const appendGroup = "SELECT * FROM spinbot.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
const appendFiles = "SELECT * FROM spinbot.append_files($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)"

func (w *writer) send(ctx context.Context, args []any) (map[int]result, error) {
	sql := appendGroup
	if len(args) > plain {
		sql = appendFiles
	}
	rows, err := w.conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	var odd map[int]result
	var place int
	var r result
	_, err = pgx.ForEachRow(rows, []any{&place, &r.epoch, &r.head, &r.holder}, func() error {
		if odd == nil {
			odd = map[int]result{}
		}
		odd[place-1] = r
		return nil
	})
	return odd, err
}

// arguments lays the group out as columns.
func (w *writer) arguments(group []*item) []any {
	n := len(group)
	runs, afters, epochs, counts, data := make([][]byte, n), make([]int64, n), make([]int64, n), make([]int32, n), make([][]byte, n)
	listed, ended := make([]bool, n), make([]bool, n)
	var texts [5][][]byte
	for i := range texts {
		texts[i] = make([][]byte, n)
	}
	created, updated, seqs := make([]*int64, n), make([]*int64, n), make([]*int64, n)
	for i, it := range group {
		runs[i], afters[i], epochs[i], counts[i], data[i] = []byte(it.a.Run), int64(it.a.After), it.epoch, int32(len(it.a.Events)), it.data
		h := it.a.Head
		if h == nil {
			continue
		}
		listed[i], ended[i] = true, h.Ended()
		for k, text := range []string{h.Pipeline, h.Digest, h.State, h.Error, h.Owner} {
			texts[k][i] = []byte(text)
		}
		seq := int64(h.Seq)
		created[i], updated[i], seqs[i] = nanos(h.Created), nanos(h.Updated), &seq
	}
	args := []any{w.s.host, w.s.session, w.group, notices(w.s.voice(), group), runs, afters, epochs, counts, data, listed, ended,
		texts[0], texts[1], texts[2], texts[3], texts[4], created, updated, seqs}
	return append(args, filesOf(group)...)
}

const plain = 19 // arguments of a group that names no files

// filesOf gives the files that the group names as columns; none, if it names none.
func filesOf(group []*item) []any {
	var places []int32
	var digests []string
	var media, names, ats [][]byte
	var sizes []int64
	var created []*int64
	for i, it := range group {
		for _, f := range it.a.Files {
			places, digests, media, names = append(places, int32(i+1)), append(digests, f.Digest), append(media, []byte(f.MediaType)), append(names, []byte(f.Name))
			sizes, ats, created = append(sizes, f.Size), append(ats, []byte(f.At)), append(created, nanos(f.Created))
		}
	}
	if len(places) == 0 {
		return nil
	}
	return []any{places, digests, media, names, sizes, ats, created}
}

func nanos(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	n := t.UnixNano()
	return &n
}

// answer tells everybody what became of the append, and remembers which runs are the host's.
func (w *writer) answer(group []*item, odd map[int]result) {
	for i, it := range group {
		r, is := odd[i]
		switch {
		case is && r.epoch == 0 && r.holder != nil:
			w.s.own.forget(it.a.Run, it.epoch)
			it.finish(&store.NotOwnedError{Run: it.a.Run, Host: *r.holder})
			continue
		case is && r.epoch == 0:
			it.finish(&store.ConflictError{Run: it.a.Run, After: it.a.After, Head: uint64(r.head)})
			continue
		case is:
			it.epoch = r.epoch
		case it.a.After == 0:
			it.epoch = 1
		}
		if it.a.Head != nil {
			if w.heads++; w.heads%noteEvery == 0 {
				poke(w.s.fresh)
			}
		}
		if it.a.Head != nil && it.a.Head.Ended() {
			w.s.own.forget(it.a.Run, it.epoch)
		} else if it.epoch > 0 {
			w.s.own.set(it.a.Run, it.epoch)
		}
		w.s.watchers.Notify(it.a.Run)
		it.finish(nil)
	}
}

// stop refuses the group and everything after it.
func (w *writer) stop(group []*item, err error) {
	if fenced(err) {
		err = w.s.explain("append", err)
	} else {
		err = fmt.Errorf("%w: %w", store.ErrStopped, w.s.explain("append", err))
	}
	w.s.end(err)
	refuse(group, err)
}

func refuse(group []*item, why error) {
	for _, it := range group {
		it.finish(fmt.Errorf("%s: append: %w", it.a.Run, why))
	}
}

// abdicate gives the lead back, so that another host need not wait for it.
func (w *writer) abdicate() {
	if w.conn == nil || w.conn.IsClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, _ = w.conn.Exec(ctx, "UPDATE spinbot.leader SET host = NULL, until = '-infinity' WHERE host = $1 AND session = $2", w.s.host, w.s.session) // it runs out by itself
}

func (w *writer) drop() {
	if w.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = w.conn.Close(ctx) // nothing is under way on it
}

const maxNotice = 7900 // bytes; PostgreSQL takes less than 8000

// voice is how a session's notices begin: it need not listen to itself.
func (s *Store) voice() string { return fmt.Sprintf("%s:%d", url.QueryEscape(s.host), s.session) }

// notices say which runs a group is about: the voice, then ids, each after a space.
func notices(voice string, group []*item) []string {
	var out []string
	text := voice
	for _, it := range group {
		id := url.QueryEscape(it.a.Run)
		if len(voice)+1+len(id) > maxNotice {
			return []string{voice + " " + everyRun}
		}
		if len(text)+1+len(id) > maxNotice {
			out = append(out, text)
			text = voice
		}
		text += " " + id
	}
	return append(out, text)
}

const everyRun = "*" // no id is escaped like this
