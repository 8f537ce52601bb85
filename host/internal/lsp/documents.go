package lsp

import (
	"context"

	"github.com/creachadair/jrpc2"

	"github.com/myspinbot/spinbot/host/internal/core/pipeline/syntax"
	"github.com/myspinbot/spinbot/host/internal/lsp/answer"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/host/internal/lsp/suite"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
	"github.com/myspinbot/spinbot/host/internal/lsp/words"
)

func (s *Server) didOpen(_ context.Context, p *protocol.DocumentParams) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := p.TextDocument
	name := s.pathOf(d.URI)
	s.open[name] = &document{uri: d.URI, path: name, version: d.Version, text: text.New(d.Text)}
	s.uris[name] = d.URI
	s.moved()
	s.touch(name)
	s.bound()
	return nil
}

// bound ends a connection that has opened more than it may.
func (s *Server) bound() {
	bytes := 0
	for _, d := range s.open {
		bytes += len(d.text.String())
	}
	for _, uri := range s.uris {
		bytes += len(uri)
	}
	if s.cfg.Documents > 0 && max(len(s.uris), len(s.folders)) > s.cfg.Documents || s.cfg.Bytes > 0 && bytes > s.cfg.Bytes {
		s.over = true
		s.end()
	}
}

func (s *Server) didChange(_ context.Context, p *protocol.DidChangeParams) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.open[s.pathOf(p.TextDocument.URI)]
	if d == nil {
		return nil
	}
	d.version = p.TextDocument.Version
	for _, c := range p.ContentChanges {
		if c.Range == nil {
			d.text = text.New(c.Text)
			continue
		}
		from, to := d.text.Offset(text.Position(c.Range.Start), s.encoding), d.text.Offset(text.Position(c.Range.End), s.encoding)
		d.text = d.text.Edit(from, to, c.Text)
	}
	s.touch(d.path)
	s.bound()
	return nil
}

func (s *Server) didSave(_ context.Context, _ *protocol.DocumentParams) error {
	s.touchAll()
	return nil
}

func (s *Server) didClose(_ context.Context, p *protocol.DocumentParams) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := s.pathOf(p.TextDocument.URI)
	delete(s.open, name)
	s.touch(name)
	s.dropped = append(s.dropped, name)
	return nil
}

func (s *Server) didChangeWatchedFiles(_ context.Context, _ *protocol.DidChangeWatchedFilesParams) error {
	s.mu.Lock()
	s.moved()
	s.mu.Unlock()
	s.touchAll()
	return nil
}

func (s *Server) didChangeWorkspaceFolders(_ context.Context, p *protocol.DidChangeWorkspaceFoldersParams) error {
	s.mu.Lock()
	for _, f := range p.Event.Removed {
		if dir, ok := protocol.Path(f.URI); ok {
			s.removeFolder(dir)
		}
	}
	for _, f := range p.Event.Added {
		s.addFolder(f.URI)
	}
	s.moved()
	s.bound()
	s.mu.Unlock()
	s.touchAll()
	return nil
}

// touchAll has everything checked again: files that are not open may have changed.
func (s *Server) touchAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.bases)
	for _, d := range s.open {
		d.dirty = true
	}
	s.changed()
	s.signal()
}

// touch has every document checked that a file is part of.
func (s *Server) touch(name string) {
	for _, d := range s.open {
		if d.path == name || s.results[d.path].holds(name) {
			d.dirty = true
		}
	}
	s.changed()
	s.signal()
}

func (s *Server) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// ask answers a question about a document, once node types are known.
func ask[T any](ctx context.Context, s *Server, uri string, at protocol.Position, answerIt func(a answers, offset int) (T, error)) (out T, err error) {
	select {
	case <-s.ready:
	default:
		letOthers(ctx)
		select {
		case <-s.ready:
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return out, err
	}
	name := s.pathOf(uri)
	d := s.open[name]
	if d == nil {
		return out, nil
	}
	var a answers
	switch {
	case s.isSettings(d):
		a = &words.Answerer{File: s.Open(name), Language: s.cfg.Settings.Language, Encoding: s.encoding, Snippets: s.snippets}
	case isPipelineName(name):
		a = &answer.Answerer{File: s.Open(name), Workspace: s.workspace, Encoding: s.encoding, Snippets: s.snippets}
	case isTestName(name):
		a = &suite.Answerer{File: s.Open(name), Workspace: s.workspace, Encoding: s.encoding, Snippets: s.snippets}
	default:
		return out, nil
	}
	return answerIt(a, d.text.Offset(text.Position(at), s.encoding))
}

// answers are those that every kind of file has. Only pipelines have references and are renamed in.
type answers interface {
	Completion(offset int) protocol.CompletionList
	Hover(offset int) *protocol.Hover
	Definition(offset int) []protocol.Location
	Signature(offset int) *protocol.SignatureHelp
}

func (s *Server) completion(ctx context.Context, p *protocol.PositionParams) (*protocol.CompletionList, error) {
	return ask(ctx, s, p.TextDocument.URI, p.Position, func(a answers, at int) (*protocol.CompletionList, error) {
		list := a.Completion(at)
		return &list, nil
	})
}

func (s *Server) hover(ctx context.Context, p *protocol.PositionParams) (*protocol.Hover, error) {
	return ask(ctx, s, p.TextDocument.URI, p.Position, func(a answers, at int) (*protocol.Hover, error) { return a.Hover(at), nil })
}

func (s *Server) signatureHelp(ctx context.Context, p *protocol.PositionParams) (*protocol.SignatureHelp, error) {
	return ask(ctx, s, p.TextDocument.URI, p.Position, func(a answers, at int) (*protocol.SignatureHelp, error) { return a.Signature(at), nil })
}

func (s *Server) definition(ctx context.Context, p *protocol.PositionParams) ([]protocol.Location, error) {
	return ask(ctx, s, p.TextDocument.URI, p.Position, func(a answers, at int) ([]protocol.Location, error) { return a.Definition(at), nil })
}

func (s *Server) references(ctx context.Context, p *protocol.PositionParams) ([]protocol.Location, error) {
	return ask(ctx, s, p.TextDocument.URI, p.Position, func(a answers, at int) ([]protocol.Location, error) {
		if a, ok := a.(*answer.Answerer); ok {
			return a.References(at, p.Context.IncludeDeclaration), nil
		}
		return nil, nil
	})
}

func (s *Server) prepareRename(ctx context.Context, p *protocol.PositionParams) (*protocol.PrepareRename, error) {
	return ask(ctx, s, p.TextDocument.URI, p.Position, func(a answers, at int) (*protocol.PrepareRename, error) {
		if a, ok := a.(*answer.Answerer); ok {
			return a.PrepareRename(at), nil
		}
		return nil, nil
	})
}

func (s *Server) rename(ctx context.Context, p *protocol.PositionParams) (*protocol.WorkspaceEdit, error) {
	return ask(ctx, s, p.TextDocument.URI, p.Position, func(a answers, at int) (*protocol.WorkspaceEdit, error) {
		pipeline, ok := a.(*answer.Answerer)
		if !ok {
			return nil, &jrpc2.Error{Code: requestFailed, Message: "rename it in the pipeline"}
		}
		edit, err := pipeline.Rename(at, p.NewName)
		if err != nil {
			return nil, &jrpc2.Error{Code: requestFailed, Message: err.Error()}
		}
		return edit, nil
	})
}

func (s *Server) documentSymbol(_ context.Context, p *protocol.DocumentParams) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.open[s.pathOf(p.TextDocument.URI)]
	if d == nil {
		return nil, nil
	}
	a := &answer.Answerer{File: s.Open(d.path), Workspace: s.workspace, Encoding: s.encoding}
	symbols := a.Symbols()
	if !s.flatSymbols {
		return symbols, nil
	}
	flat := make([]protocol.SymbolInformation, len(symbols))
	for i, x := range symbols {
		flat[i] = protocol.SymbolInformation{Name: x.Name, Kind: x.Kind, Location: protocol.Location{URI: d.uri, Range: x.SelectionRange}}
	}
	return flat, nil
}

// formatting gives the one edit that makes the document canonical; none when it cannot be read.
func (s *Server) formatting(_ context.Context, p *protocol.DocumentParams) ([]protocol.TextEdit, error) {
	s.mu.Lock()
	d := s.open[s.pathOf(p.TextDocument.URI)]
	s.mu.Unlock()
	if d == nil {
		return nil, nil
	}
	s.mu.Lock()
	t := d.text
	s.mu.Unlock()
	before := []byte(t.String())
	after, _ := syntax.Format(d.path, before)
	from, to, with := text.Change(before, after)
	if from == to && len(with) == 0 {
		return []protocol.TextEdit{}, nil
	}
	rng := protocol.Range{Start: protocol.Position(t.Position(from, s.encoding)), End: protocol.Position(t.Position(to, s.encoding))}
	return []protocol.TextEdit{{Range: rng, NewText: string(with)}}, nil
}
