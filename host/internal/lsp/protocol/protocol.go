// Package protocol is the part of the Language Server Protocol 3.17 that our server speaks: the shapes of its messages,
// and how messages follow one another in a stream. It knows neither HCL nor pipelines. The names are the protocol's own:
// https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification
package protocol

import "encoding/json"

// Position is a place in a document, both counted from 0; characters in units of the encoding that was agreed on.
type Position struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

// Range is a stretch of a document, its end excluded.
type Range struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// Location is a stretch of a named document.
type Location struct {
	URI   string `json:"uri"`
	Range Range  `json:"range"`
}

// TextEdit puts other text in the place of a stretch.
type TextEdit struct {
	Range   Range  `json:"range"`
	NewText string `json:"newText"`
}

// WorkspaceEdit is edits by document.
type WorkspaceEdit struct {
	Changes map[string][]TextEdit `json:"changes"`
}

// InitializeParams are what a client says of itself first.
type InitializeParams struct {
	ProcessID    *int   `json:"processId"`
	RootURI      string `json:"rootUri"`
	Capabilities struct {
		General struct {
			PositionEncodings []string `json:"positionEncodings"`
		} `json:"general"`
		TextDocument struct {
			Completion struct {
				CompletionItem struct {
					SnippetSupport bool `json:"snippetSupport"`
				} `json:"completionItem"`
			} `json:"completion"`
			DocumentSymbol struct {
				Hierarchical bool `json:"hierarchicalDocumentSymbolSupport"`
			} `json:"documentSymbol"`
		} `json:"textDocument"`
		Workspace struct {
			DidChangeWatchedFiles struct {
				DynamicRegistration bool `json:"dynamicRegistration"`
			} `json:"didChangeWatchedFiles"`
		} `json:"workspace"`
	} `json:"capabilities"`
	WorkspaceFolders []WorkspaceFolder `json:"workspaceFolders"`
}

// WorkspaceFolder is a folder that is open in the client.
type WorkspaceFolder struct {
	URI  string `json:"uri"`
	Name string `json:"name"`
}

// InitializeResult is what the server says of itself.
type InitializeResult struct {
	Capabilities ServerCapabilities `json:"capabilities"`
	ServerInfo   ServerInfo         `json:"serverInfo"`
}

// ServerInfo names the server.
type ServerInfo struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
}

// ServerCapabilities are what the server can do.
type ServerCapabilities struct {
	PositionEncoding           string                   `json:"positionEncoding"`
	TextDocumentSync           TextDocumentSyncOptions  `json:"textDocumentSync"`
	CompletionProvider         CompletionOptions        `json:"completionProvider"`
	HoverProvider              bool                     `json:"hoverProvider"`
	SignatureHelpProvider      CompletionOptions        `json:"signatureHelpProvider"`
	DefinitionProvider         bool                     `json:"definitionProvider"`
	ReferencesProvider         bool                     `json:"referencesProvider"`
	DocumentSymbolProvider     bool                     `json:"documentSymbolProvider"`
	DocumentFormattingProvider bool                     `json:"documentFormattingProvider"`
	RenameProvider             RenameOptions            `json:"renameProvider"`
	Workspace                  WorkspaceServerAbilities `json:"workspace"`
}

// TextDocumentSyncOptions say how the client tells of changes: 2 is by what changed.
type TextDocumentSyncOptions struct {
	OpenClose bool `json:"openClose"`
	Change    int  `json:"change"`
	Save      bool `json:"save"`
}

// CompletionOptions say which characters ask for completion, or for help with a call.
type CompletionOptions struct {
	TriggerCharacters []string `json:"triggerCharacters"`
}

// RenameOptions say that a rename may be prepared.
type RenameOptions struct {
	PrepareProvider bool `json:"prepareProvider"`
}

// WorkspaceServerAbilities say that the server follows which folders are open.
type WorkspaceServerAbilities struct {
	WorkspaceFolders struct {
		Supported           bool `json:"supported"`
		ChangeNotifications bool `json:"changeNotifications"`
	} `json:"workspaceFolders"`
}

// TextDocument names a document, and holds its text where it is opened.
type TextDocument struct {
	URI        string `json:"uri"`
	LanguageID string `json:"languageId,omitempty"`
	Version    *int   `json:"version,omitempty"`
	Text       string `json:"text,omitempty"`
}

// DocumentParams are those of every request about one document.
type DocumentParams struct {
	TextDocument TextDocument `json:"textDocument"`
}

// PositionParams are those of every request about a place; the other fields are those of one request each.
type PositionParams struct {
	TextDocument TextDocument `json:"textDocument"`
	Position     Position     `json:"position"`
	// NewName is a rename's.
	NewName string `json:"newName,omitempty"`
	Context struct {
		// IncludeDeclaration is of a search for references.
		IncludeDeclaration bool `json:"includeDeclaration"`
	} `json:"context"`
}

// DidChangeParams are what changed in a document; a change without Range is the whole text.
type DidChangeParams struct {
	TextDocument   TextDocument `json:"textDocument"`
	ContentChanges []struct {
		Range *Range `json:"range"`
		Text  string `json:"text"`
	} `json:"contentChanges"`
}

// DidChangeWatchedFilesParams are files that changed outside of the editor.
type DidChangeWatchedFilesParams struct {
	Changes []struct {
		URI  string `json:"uri"`
		Type int    `json:"type"`
	} `json:"changes"`
}

// DidChangeWorkspaceFoldersParams are folders that were opened and closed.
type DidChangeWorkspaceFoldersParams struct {
	Event struct {
		Added   []WorkspaceFolder `json:"added"`
		Removed []WorkspaceFolder `json:"removed"`
	} `json:"event"`
}

// CancelParams name a request that need not be answered any more.
type CancelParams struct {
	ID json.RawMessage `json:"id"`
}

// Severities of a Diagnostic.
const (
	SeverityError   = 1
	SeverityWarning = 2
)

// Diagnostic is one thing that is wrong.
type Diagnostic struct {
	Range    Range  `json:"range"`
	Severity int    `json:"severity"`
	Source   string `json:"source"`
	Message  string `json:"message"`
}

// PublishDiagnosticsParams are all that is wrong with a document.
type PublishDiagnosticsParams struct {
	URI         string       `json:"uri"`
	Version     *int         `json:"version,omitempty"`
	Diagnostics []Diagnostic `json:"diagnostics"`
}

// ShowMessageParams are a message for the person; Type 1 is an error, 2 a warning.
type ShowMessageParams struct {
	Type    int    `json:"type"`
	Message string `json:"message"`
}

// MarkupContent is documentation in Markdown.
type MarkupContent struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

// Markdown makes documentation; nil of nothing.
func Markdown(s string) *MarkupContent {
	if s == "" {
		return nil
	}
	return &MarkupContent{Kind: "markdown", Value: s}
}

// Kinds of a CompletionItem.
const (
	CompletionFunction   = 3
	CompletionField      = 5
	CompletionVariable   = 6
	CompletionClass      = 7
	CompletionModule     = 9
	CompletionProperty   = 10
	CompletionKeyword    = 14
	CompletionFile       = 17
	CompletionReference  = 18
	CompletionFolder     = 19
	CompletionEnumMember = 20
	CompletionStruct     = 22
)

// CompletionList are proposals for what to write at a place.
type CompletionList struct {
	// IsIncomplete asks the client to ask again when more was typed.
	IsIncomplete bool             `json:"isIncomplete"`
	Items        []CompletionItem `json:"items"`
}

// CompletionItem is one proposal.
type CompletionItem struct {
	Label         string         `json:"label"`
	Kind          int            `json:"kind"`
	Detail        string         `json:"detail,omitempty"`
	Documentation *MarkupContent `json:"documentation,omitempty"`
	SortText      string         `json:"sortText,omitempty"`
	FilterText    string         `json:"filterText,omitempty"`
	// InsertTextFormat is 2 for a snippet.
	InsertTextFormat int       `json:"insertTextFormat,omitempty"`
	TextEdit         *TextEdit `json:"textEdit,omitempty"`
	// Command is run after the text was put in.
	Command *Command `json:"command,omitempty"`
}

// Command is something that the client does.
type Command struct {
	Title   string `json:"title"`
	Command string `json:"command"`
}

// Hover is documentation of what stands at a place.
type Hover struct {
	Contents MarkupContent `json:"contents"`
	Range    *Range        `json:"range,omitempty"`
}

// SignatureHelp says how a function is called.
type SignatureHelp struct {
	Signatures      []Signature `json:"signatures"`
	ActiveSignature int         `json:"activeSignature"`
	ActiveParameter int         `json:"activeParameter"`
}

// Signature is one way to call a function.
type Signature struct {
	Label         string         `json:"label"`
	Documentation *MarkupContent `json:"documentation,omitempty"`
	Parameters    []Parameter    `json:"parameters"`
}

// Parameter is a stretch of a signature's label, in UTF-16.
type Parameter struct {
	Label [2]int `json:"label"`
}

// PrepareRename is the name that a rename would change.
type PrepareRename struct {
	Range       Range  `json:"range"`
	Placeholder string `json:"placeholder"`
}

// Kinds of a DocumentSymbol.
const (
	SymbolModule   = 2
	SymbolProperty = 7
	SymbolField    = 8
	SymbolFunction = 12
	SymbolVariable = 13
	SymbolConstant = 14
	SymbolKey      = 20
	SymbolEvent    = 24
	SymbolObject   = 19
)

// DocumentSymbol is something that a document declares.
type DocumentSymbol struct {
	Name           string           `json:"name"`
	Detail         string           `json:"detail,omitempty"`
	Kind           int              `json:"kind"`
	Range          Range            `json:"range"`
	SelectionRange Range            `json:"selectionRange"`
	Children       []DocumentSymbol `json:"children,omitempty"`
}

// SymbolInformation is the same for clients that know no hierarchy.
type SymbolInformation struct {
	Name     string   `json:"name"`
	Kind     int      `json:"kind"`
	Location Location `json:"location"`
}
