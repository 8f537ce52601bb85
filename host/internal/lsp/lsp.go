// Package lsp is the language server: it keeps the documents that an editor has open, checks them when they rest, and
// hands questions about them to package answer. One Server talks to one editor, over one stream of messages. It takes
// node types from whoever runs it, writes to no file, and logs to where it is told, never into the stream.
package lsp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"runtime/debug"
	"sync"
	"time"

	"github.com/creachadair/jrpc2"
	"github.com/creachadair/jrpc2/handler"

	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/lsp/protocol"
	"github.com/myspinbot/spinbot/host/internal/lsp/text"
)

// Config is what a server is told.
type Config struct {
	// Types gives the node types that there are now, the same value (==) as long as nothing has changed.
	Types func(ctx context.Context) (pipeline.Types, error)
	// Settings say what the host's configuration is; nil: nothing is known of it.
	Settings *Settings
	// Version of spinbot.
	Version string
	Log     *slog.Logger
	// Files are all that is read, a document's path in them its URI's without the first slash; nil: the disk.
	Files fs.FS
	// Documents and Bytes are how many documents and folders may be opened, and how long those that are open may be together.
	// 0: any.
	Documents, Bytes int
	// Rest is how long a document must not have changed before it is checked, Look how often Types is asked again.
	// 0: 200 ms and 2 s.
	Rest, Look time.Duration
}

// Messages are what one connection carries, whole. Close ends a Recv that waits; Recv and Send may go on at the same time.
type Messages interface {
	Send(message []byte) error
	Recv() ([]byte, error)
	Close() error
}

// Settings is the host's configuration: a file of a name of its own.
type Settings struct {
	// Name of the file, Language what may stand in it.
	Name     string
	Language language.Block
	// Check gives what is wrong with its text.
	Check func(file string, src []byte) diagnostic.Diagnostics
}

func (s *Server) isSettings(d *document) bool {
	return s.cfg.Settings != nil && path.Base(d.path) == s.cfg.Settings.Name && !isPipeline(d)
}

// Why a connection ended.
var (
	// ErrNoShutdown says that the client went away without having asked the server to shut down.
	ErrNoShutdown = errors.New("the editor went away without shutting the language server down")
	// ErrTooMuch says that the client opened more than Config lets it.
	ErrTooMuch = errors.New("too much text is open: close some of it, or make it shorter")
)

// Server is the state of one connection.
type Server struct {
	cfg   Config
	rpc   *jrpc2.Server
	ready chan struct{} // closed when node types are known
	wake  chan struct{} // something has to be checked
	end   context.CancelFunc
	work  sync.WaitGroup // of what goes on beside requests

	mu          sync.Mutex
	initialized bool
	down        bool // the client has asked to shut down
	over        bool // it has opened too much
	encoding    text.Encoding
	snippets    bool
	flatSymbols bool
	watches     bool                          // the client can watch files
	asked       map[string]context.CancelFunc // requests under way, by id
	answered    *sync.Cond                    // one of them has ended
	cancelled   map[string]bool               // ids that were cancelled before they were asked, or after they were answered
	*workspace
}

// Serve talks to the editor over a stream, as ServeOver does. in is closed, which must end a Read that waits.
func Serve(ctx context.Context, cfg Config, in io.ReadCloser, out io.Writer) error {
	return ServeOver(ctx, cfg, protocol.NewStream(in, out))
}

// ServeOver talks to the editor until it says exit, goes away, or ctx ends, and closes what they talk over. The error is nil
// when it shut the server down first.
func ServeOver(ctx context.Context, cfg Config, over Messages) error {
	if cfg.Rest == 0 {
		cfg.Rest = 200 * time.Millisecond
	}
	if cfg.Look == 0 {
		cfg.Look = 2 * time.Second
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &Server{
		cfg: cfg, end: cancel, ready: make(chan struct{}), wake: make(chan struct{}, 1), encoding: text.UTF16,
		asked: map[string]context.CancelFunc{}, cancelled: map[string]bool{}, workspace: newWorkspace(cfg.Files),
	}
	s.answered = sync.NewCond(&s.mu)
	order := newInOrder(s.methods(ctx))
	s.rpc = jrpc2.NewServer(order, &jrpc2.ServerOptions{
		AllowPush: true, DisableBuiltin: true, Concurrency: 1 << 20, // they wait for one another in inOrder
		NewContext: func() context.Context { return ctx },
	})
	stream := &lastWord{Messages: over, order: order, closed: make(chan struct{})}
	s.rpc.Start(stream)
	s.work.Go(func() { s.check(ctx) })
	stop := context.AfterFunc(ctx, func() { _ = stream.Close() }) // nothing is left to read
	defer stop()
	_ = s.rpc.Wait() // it is told why the stream ended, and so are we
	cancel()
	s.work.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	var broken *protocol.FrameError
	switch {
	case s.over:
		return ErrTooMuch
	case errors.As(stream.err, &broken):
		return stream.err
	case !s.down:
		return ErrNoShutdown
	}
	return nil
}

// Errors of the protocol.
const (
	notInitialized   jrpc2.Code = -32002
	requestFailed    jrpc2.Code = -32803
	requestCancelled jrpc2.Code = -32800
)

// methods gives a handler for each method; life ends with the connection.
func (s *Server) methods(life context.Context) map[string]jrpc2.Handler {
	m := map[string]jrpc2.Handler{
		"initialize":  handler.New(s.initialize),
		"initialized": bare(func(context.Context) { s.greeted(life) }),
		"shutdown":    bare(s.shutdown),

		"textDocument/didOpen":                handler.New(s.didOpen),
		"textDocument/didChange":              handler.New(s.didChange),
		"textDocument/didSave":                handler.New(s.didSave),
		"textDocument/didClose":               handler.New(s.didClose),
		"workspace/didChangeWatchedFiles":     handler.New(s.didChangeWatchedFiles),
		"workspace/didChangeWorkspaceFolders": handler.New(s.didChangeWorkspaceFolders),
		"workspace/didChangeConfiguration":    ignored,

		"textDocument/completion":     handler.New(s.completion),
		"textDocument/hover":          handler.New(s.hover),
		"textDocument/signatureHelp":  handler.New(s.signatureHelp),
		"textDocument/definition":     handler.New(s.definition),
		"textDocument/references":     handler.New(s.references),
		"textDocument/prepareRename":  handler.New(s.prepareRename),
		"textDocument/rename":         handler.New(s.rename),
		"textDocument/documentSymbol": handler.New(s.documentSymbol),
		"textDocument/formatting":     handler.New(s.formatting),
	}
	for name, h := range m {
		m[name] = s.guard(name, h)
	}
	m["$/cancelRequest"] = handler.New(s.cancelRequest)
	m["$/setTrace"] = ignored
	m["exit"] = bare(s.exit)
	return m
}

// bare makes a handler of what needs no parameters, whatever a client sends.
func bare(fn func(context.Context)) jrpc2.Handler {
	return func(ctx context.Context, _ *jrpc2.Request) (any, error) {
		fn(ctx)
		return nil, nil
	}
}

func ignored(context.Context, *jrpc2.Request) (any, error) { return nil, nil }

// guard keeps to the protocol's order of things, and lets one request that fails not take the others with it.
func (s *Server) guard(name string, h jrpc2.Handler) jrpc2.Handler {
	return func(ctx context.Context, r *jrpc2.Request) (result any, err error) {
		s.mu.Lock()
		initialized, down := s.initialized, s.down
		s.mu.Unlock()
		switch {
		case !initialized && name != "initialize":
			return nil, &jrpc2.Error{Code: notInitialized, Message: "initialize comes first"}
		case initialized && name == "initialize", down:
			return nil, &jrpc2.Error{Code: jrpc2.InvalidRequest, Message: name + " is not expected any more"}
		}
		defer func() {
			if p := recover(); p != nil {
				s.cfg.Log.Error("a request failed", "method", name, "panic", p, "stack", string(debug.Stack()))
				result, err = nil, &jrpc2.Error{Code: jrpc2.InternalError, Message: fmt.Sprintf("%s: %v", name, p)}
			}
		}()
		ctx, done := s.begin(ctx, r.ID())
		defer done()
		began := time.Now()
		result, err = h(ctx, r)
		s.cfg.Log.Debug("request", "method", name, "took", time.Since(began), "error", err)
		if ctx.Err() != nil && err != nil {
			err = &jrpc2.Error{Code: requestCancelled, Message: "cancelled"}
		}
		return result, err
	}
}

func (s *Server) initialize(_ context.Context, p *protocol.InitializeParams) (protocol.InitializeResult, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.initialized = true
	for _, e := range p.Capabilities.General.PositionEncodings {
		if e == string(text.UTF8) {
			s.encoding = text.UTF8
		}
	}
	s.snippets = p.Capabilities.TextDocument.Completion.CompletionItem.SnippetSupport
	s.flatSymbols = !p.Capabilities.TextDocument.DocumentSymbol.Hierarchical
	s.watches = p.Capabilities.Workspace.DidChangeWatchedFiles.DynamicRegistration
	for _, f := range p.WorkspaceFolders {
		s.addFolder(f.URI)
	}
	if len(p.WorkspaceFolders) == 0 {
		s.addFolder(p.RootURI)
	}
	c := protocol.ServerCapabilities{
		PositionEncoding:       string(s.encoding),
		TextDocumentSync:       protocol.TextDocumentSyncOptions{OpenClose: true, Change: 2, Save: true},
		CompletionProvider:     protocol.CompletionOptions{TriggerCharacters: []string{".", "\"", "/", "[", "{", "("}},
		SignatureHelpProvider:  protocol.CompletionOptions{TriggerCharacters: []string{"(", ","}},
		HoverProvider:          true,
		DefinitionProvider:     true,
		ReferencesProvider:     true,
		DocumentSymbolProvider: true, DocumentFormattingProvider: true,
		RenameProvider: protocol.RenameOptions{PrepareProvider: true},
	}
	c.Workspace.WorkspaceFolders.Supported, c.Workspace.WorkspaceFolders.ChangeNotifications = true, true
	return protocol.InitializeResult{Capabilities: c, ServerInfo: protocol.ServerInfo{Name: "spinbot", Version: s.cfg.Version}}, nil
}

// greeted asks the client to watch pipeline files, if it can. The client may take its time to answer.
func (s *Server) greeted(life context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.watches {
		return
	}
	s.work.Go(func() {
		watchers := []map[string]string{{"globPattern": "**/*.hcl"}}
		_, err := s.rpc.Callback(life, "client/registerCapability", map[string]any{"registrations": []map[string]any{{
			"id": "files", "method": "workspace/didChangeWatchedFiles", "registerOptions": map[string]any{"watchers": watchers},
		}}})
		if err != nil {
			s.cfg.Log.Info("the editor watches no files", "error", err)
		}
	})
}

// lastAnswers is how long a shutdown waits for requests that came before it: exit, which follows it, ends them.
const lastAnswers = 30 * time.Second

func (s *Server) shutdown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastAnswers)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answered.Broadcast()
	})()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = true
	for len(s.asked) > 1 && ctx.Err() == nil { // it is one of them itself
		s.answered.Wait()
	}
}

func (s *Server) exit(context.Context) { s.end() } // which stops the server

// begin lets a request be cancelled by its id, even when the word to cancel it came first. The library's own way of
// cancelling answers with an error that editors do not know.
func (s *Server) begin(ctx context.Context, id string) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cancelled[id] {
		delete(s.cancelled, id)
		cancel()
	}
	if id == "" { // a notification: nobody waits for it, and nobody can cancel it
		return ctx, cancel
	}
	s.asked[id] = cancel
	return ctx, func() {
		cancel()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.asked, id)
		s.answered.Broadcast()
	}
}

// These bound the words to cancel that came too late, and that nothing will ever ask for.
const (
	maxCancelled = 1_000
	maxID        = 100 // bytes
)

func (s *Server) cancelRequest(_ context.Context, p *protocol.CancelParams) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := string(p.ID)
	if cancel := s.asked[id]; cancel != nil {
		cancel()
		return nil
	}
	if len(id) > maxID {
		return nil
	}
	if len(s.cancelled) >= maxCancelled {
		clear(s.cancelled)
	}
	s.cancelled[id] = true
	return nil
}
