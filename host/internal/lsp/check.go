package lsp

import (
	"context"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/load"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
	"github.com/myspinbot/spinbot/host/internal/pipetest/testfile"
)

// result is what a check of one document found.
type result struct {
	looked map[string]bool // at these files, there or not
	found  map[string][]protocol.Diagnostic
	took   time.Duration
}

func (r *result) holds(name string) bool { return r != nil && r.looked[name] }

// job is one document to be checked, with the texts of this moment.
type job struct {
	files      fs.FS // the workspace's
	path, base string
	version    *int
	open       map[string]string // texts of open documents
	types      pipeline.Types
	encoding   text.Encoding
	settings   func(file string, src []byte) diagnostic.Diagnostics // not nil: it is the host's configuration
}

// check waits for documents to rest and checks them, and looks for new node types, until ctx ends.
func (s *Server) check(ctx context.Context) {
	s.look(ctx)
	close(s.ready)
	look := time.NewTicker(s.cfg.Look)
	defer look.Stop()
	rest := time.NewTimer(s.cfg.Rest)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			s.look(ctx)
		case <-s.wake:
			rest.Reset(s.rest())
		case <-rest.C:
			s.checkAll(ctx)
		}
	}
}

// rest is longer for documents that take long to check, so that typing never keeps a core busy.
func (s *Server) rest() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	longest := s.cfg.Rest
	for _, d := range s.open {
		if r := s.results[d.path]; r != nil && d.dirty {
			longest = max(longest, min(r.took, 3*time.Second))
		}
	}
	return longest
}

// look asks which node types there are.
func (s *Server) look(ctx context.Context) {
	types, err := s.cfg.Types(ctx)
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	before := s.types
	text := ""
	if err != nil {
		text = err.Error()
	}
	tell := text != s.trouble
	s.trouble = text
	s.mu.Unlock()
	switch {
	case err != nil && tell:
		s.cfg.Log.Error("node types are not known", "error", err)
		s.notify(ctx, "window/showMessage", protocol.ShowMessageParams{Type: 1, Message: "spinbot: node types are not known: " + text})
	case err == nil && types != before:
		s.mu.Lock()
		s.types = types
		s.mu.Unlock()
		s.touchAll()
	}
}

// checkAll checks the documents that have changed, one after another, and tells the client what was found.
func (s *Server) checkAll(ctx context.Context) {
	for {
		j, ok := s.next()
		if !ok || ctx.Err() != nil {
			break
		}
		began := time.Now()
		r := s.run(j)
		r.took = time.Since(began)
		s.cfg.Log.Debug("checked", "file", j.path, "took", r.took)
		s.mu.Lock()
		if s.open[j.path] != nil {
			s.results[j.path] = r
		}
		s.mu.Unlock()
		s.publish(ctx)
	}
	s.publish(ctx)
}

// run is job.run for a server that outlives what goes wrong in it.
func (s *Server) run(j job) (r *result) {
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Log.Error("a check failed", "file", j.path, "panic", p, "stack", string(debug.Stack()))
			r = &result{looked: map[string]bool{j.path: true}}
		}
	}()
	return j.run()
}

// next takes one document that has to be checked.
func (s *Server) next() (j job, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.dropped {
		if s.open[name] == nil {
			delete(s.results, name)
		}
	}
	s.dropped = nil
	if s.types == nil {
		return job{}, false
	}
	for _, name := range sortedPaths(s.open) {
		d := s.open[name]
		if !d.dirty {
			continue
		}
		d.dirty = false
		if !isPipeline(d) && !isTestName(d.path) && !s.isSettings(d) {
			delete(s.results, name)
			continue
		}
		j = job{files: s.files, path: name, base: s.base(name), version: d.version, types: s.types, encoding: s.encoding, open: map[string]string{}}
		if s.isSettings(d) {
			j.settings = s.cfg.Settings.Check
		}
		for other, d := range s.open {
			j.open[other] = d.text.String()
		}
		return j, true
	}
	return job{}, false
}

func sortedPaths(open map[string]*document) []string {
	names := make([]string, 0, len(open))
	for name := range open {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// run checks the document as the host would, with what is open in the place of what is on disk.
func (j job) run() *result {
	r := &result{looked: map[string]bool{j.path: true}, found: map[string][]protocol.Diagnostic{}}
	switch {
	case j.settings != nil:
		src := []byte(j.open[j.path])
		r.note(j.settings(filepath.FromSlash(j.path), src), map[string][]byte{j.path: src}, j.encoding)
		return r
	case isTestName(j.path):
		j.runTest(r)
		return r
	}
	name := strings.TrimPrefix(strings.TrimPrefix(j.path, j.base), "/")
	j.look(j.base, r.looked, func(o *overlay) {
		_, ds := load.Load(o, name, j.types)
		for i := range ds {
			ds[i].Range.File = path.Join(j.base, ds[i].Range.File)
		}
		r.note(ds, o.read, j.encoding)
	})
	return r
}

// runTest checks a test file beside its pipelines. What is wrong with a pipeline that is open shows there.
func (j job) runTest(r *result) {
	read := map[string][]byte{j.path: []byte(j.open[j.path])}
	file := filepath.FromSlash(j.path)
	s, ds := testfile.Parse(file, read[j.path])
	if s != nil {
		_, more := s.Check(j.types, func(file string, types pipeline.Types) (p *pipeline.Pipeline, found diagnostic.Diagnostics, err error) {
			base, name := path.Split(filepath.ToSlash(file))
			base = path.Clean(base)
			j.look(base, r.looked, func(o *overlay) {
				if _, err = fs.Stat(o, name); err == nil {
					p, found = load.Load(o, name, types)
					maps.Copy(read, o.read)
				}
			})
			return p, found, err
		}, nil)
		ds = append(ds, more...)
	}
	ds = slices.DeleteFunc(ds, func(d diagnostic.Diagnostic) bool {
		_, open := j.open[filepath.ToSlash(d.Range.File)]
		return d.Range.File != file && open
	})
	r.note(ds, read, j.encoding)
}

// look lets fn look into a folder, with what is open in the place of what is on disk.
func (j job) look(base string, looked map[string]bool, fn func(*overlay)) {
	var disk fs.FS
	if j.files != nil {
		disk, _ = fs.Sub(j.files, within(base))
	} else if root, err := os.OpenRoot(filepath.FromSlash(base)); err == nil {
		defer root.Close()
		disk = root.FS()
	}
	fn(&overlay{base: base, open: j.open, disk: disk, looked: looked, read: map[string][]byte{}})
}

// note adds what was found, in files whose texts were read.
func (r *result) note(ds diagnostic.Diagnostics, read map[string][]byte, enc text.Encoding) {
	texts := map[string]*text.Text{}
	for _, d := range ds {
		file := filepath.ToSlash(d.Range.File)
		t := texts[file]
		if t == nil {
			t = text.New(string(read[file]))
			texts[file] = t
		}
		r.found[file] = append(r.found[file], shape(d, t, enc))
	}
}

func shape(d diagnostic.Diagnostic, t *text.Text, enc text.Encoding) protocol.Diagnostic {
	from, to := d.Range.Start.Byte, d.Range.End.Byte
	if d.Range.Start.Line == 0 {
		from, to = 0, 0
	}
	src := t.String()
	if to <= from { // something to be seen: the word, or the rest of the line
		to = from
		for to < len(src) && text.IsWordByte(src[to]) {
			to++
		}
		if line, start := t.Line(from); to == from {
			to = start + len(line)
		}
	}
	out := protocol.Diagnostic{
		Range:    protocol.Range{Start: protocol.Position(t.Position(from, enc)), End: protocol.Position(t.Position(to, enc))},
		Severity: protocol.SeverityError, Source: "spinbot", Message: d.Summary,
	}
	if d.Severity == diagnostic.Warning {
		out.Severity = protocol.SeverityWarning
	}
	if d.Detail != "" {
		out.Message += "\n" + d.Detail
	}
	return out
}

// publish tells the client what is wrong with every file of which that has changed.
func (s *Server) publish(ctx context.Context) {
	s.mu.Lock()
	now := map[string][]protocol.Diagnostic{}
	for _, name := range sortedResults(s.results) {
		for file, list := range s.results[name].found {
			for _, d := range list {
				if !slices.Contains(now[file], d) {
					now[file] = append(now[file], d)
				}
			}
		}
		if _, ok := now[name]; !ok {
			now[name] = []protocol.Diagnostic{}
		}
	}
	var out []protocol.PublishDiagnosticsParams
	for file, list := range now {
		if before, known := s.published[file]; known && slices.Equal(before, list) {
			continue
		}
		out = append(out, s.params(file, list))
	}
	for file, before := range s.published {
		if _, still := now[file]; !still && len(before) > 0 {
			out = append(out, s.params(file, []protocol.Diagnostic{}))
		}
	}
	s.published = now
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b protocol.PublishDiagnosticsParams) int { return strings.Compare(a.URI, b.URI) })
	for _, p := range out {
		s.notify(ctx, "textDocument/publishDiagnostics", p)
	}
}

func sortedResults(results map[string]*result) []string {
	names := make([]string, 0, len(results))
	for name := range results {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *Server) params(file string, list []protocol.Diagnostic) protocol.PublishDiagnosticsParams {
	return protocol.PublishDiagnosticsParams{URI: s.URI(file), Diagnostics: list}
}

func (s *Server) notify(ctx context.Context, method string, params any) {
	if err := s.rpc.Notify(ctx, method, params); err != nil && ctx.Err() == nil {
		s.cfg.Log.Info("the editor was not told", "method", method, "error", err)
	}
}

// overlay is a folder in which open documents stand in for files. It notes what was looked at.
type overlay struct {
	base   string
	open   map[string]string
	disk   fs.FS // nil: there is no such folder
	looked map[string]bool
	read   map[string][]byte
}

// Open implements fs.FS.
func (o *overlay) Open(name string) (fs.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	file := path.Join(o.base, name)
	o.looked[file] = true
	if src, ok := o.open[file]; ok {
		o.read[file] = []byte(src)
		return pipeline.Bundle{Files: map[string][]byte{name: []byte(src)}}.FS().Open(name)
	}
	if o.disk == nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	f, err := o.disk.Open(name)
	if err != nil {
		return nil, err
	}
	return &noted{File: f, overlay: o, name: file}, nil
}

// noted keeps what is read of a file.
type noted struct {
	fs.File
	overlay *overlay
	name    string
}

// Read implements fs.File.
func (n *noted) Read(b []byte) (int, error) {
	got, err := n.File.Read(b)
	n.overlay.read[n.name] = append(n.overlay.read[n.name], b[:got]...)
	return got, err
}
