package wasmexec

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/sdk"
)

// extismSchemas are those of a node type whose plug-in does not describe itself.
var extismSchemas = struct{ inputs, outputs sdk.Schema }{
	sdk.Schema{Type: "object", Properties: sdk.Properties{
		{Name: "input", Schema: sdk.Schema{Description: "What the function gets: a text as it is, anything else as JSON"}},
	}},
	sdk.Schema{Type: "object", Required: []string{"output"}, Properties: sdk.Properties{
		{Name: "output", Schema: sdk.Schema{Type: "string", Description: "What the function returned"}},
		{Name: "json", Schema: sdk.Schema{Description: "The same, read as JSON, where it is JSON"}},
	}},
}

var verb = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// support are exports of compilers that nobody means as functions of a plug-in.
func support(name string) bool {
	return strings.HasPrefix(name, "asyncify_") || slices.Contains([]string{"malloc", "free", "calloc", "realloc", "hs_init", "hs_exit", "describe"}, name)
}

// extismVerbs are the functions of an Extism plug-in that can be node types. A command is one.
func (m *module) extismVerbs() []string {
	var verbs []string
	for name, d := range m.compiled.ExportedFunctions() {
		if verb.MatchString(name) && !support(name) && len(d.ParamTypes()) == 0 && len(d.ResultTypes()) <= 1 {
			verbs = append(verbs, name)
		}
	}
	slices.Sort(verbs)
	if _, command := m.compiled.ExportedFunctions()["_start"]; command && len(verbs) == 0 {
		return []string{"run"}
	}
	return verbs
}

func (m *module) imports(from, name string) bool {
	return slices.ContainsFunc(m.compiled.ImportedFunctions(), func(f api.FunctionDefinition) bool {
		module, function, _ := f.Import()
		return module == from && function == name
	})
}

// pluginName makes one of a file's name.
func pluginName(file string) string {
	name := regexp.MustCompile(`[^a-z0-9_]+`).ReplaceAllString(strings.ToLower(strings.TrimSuffix(file, ".wasm")), "_")
	if !verb.MatchString(name) {
		name = "x" + name
	}
	return name
}

// describeExtism asks the plug-in's own describe, which prints a manifest, or makes one of its exports.
func (m *module) describeExtism(ctx context.Context) ([]byte, error) {
	if _, ok := m.compiled.ExportedFunctions()["describe"]; ok {
		return m.callExtism(ctx, m.name+": describe", "describe", nil, m.e.config.Limits, nil)
	}
	manifest := sdk.Manifest{Name: pluginName(m.name), Version: "0.0.0", Description: "The Extism plug-in " + m.name}
	var asks []string
	if m.imports(extismModule, "http_request") {
		asks = []string{grant.HTTP}
	}
	for _, v := range m.extismVerbs() {
		manifest.NodeTypes = append(manifest.NodeTypes, sdk.NodeType{
			Name: manifest.Name + "." + v, Description: "Calls " + v + " of the Extism plug-in " + m.name,
			Inputs: extismSchemas.inputs, Outputs: extismSchemas.outputs, Idempotent: len(asks) == 0, Grants: asks,
		})
	}
	return manifest.AppendJSON(nil), nil
}

// runExtism carries out one task: the inputs go in, and the outputs come back, as JSON objects where the plug-in
// describes itself, else as the one input and the one output there are.
func (m *module) runExtism(ctx context.Context, t *sdk.Task, l sdk.Limits, files *artifacts) (sdk.Values, error) {
	_, described := m.compiled.ExportedFunctions()["describe"]
	var input []byte
	var err error
	text, isText := files.inputs["input"].(string)
	switch {
	case !described && isText:
		input = []byte(text)
	case !described:
		if given := files.inputs["input"]; given != nil {
			input, err = sdk.Values{"input": given}.EncodeJSON(true)
			var only struct{ Input json.RawMessage }
			if err == nil {
				err = json.Unmarshal(input, &only)
			}
			input = only.Input
		}
	default:
		input, err = files.inputs.EncodeJSON(true)
	}
	if err != nil {
		return nil, sdk.Refuse(t.Type+": inputs: "+err.Error(), "")
	}
	_, function, _ := strings.Cut(t.Type, ".")
	output, err := m.callExtism(ctx, t.Type, function, input, l, func(i *instance) *call { return m.begin(ctx, i.box, t.Type, t, l, files) })
	if err != nil {
		return nil, err
	}
	return extismOutputs(t.Type, output, described)
}

func extismOutputs(nodeType string, output []byte, described bool) (sdk.Values, error) {
	var out sdk.Values
	if described {
		if err := json.Unmarshal(output, &out); err != nil {
			return nil, sdk.Refuse(nodeType+" returned no JSON object: "+err.Error(), "a plug-in that describes itself returns its outputs as a JSON object")
		}
		return out, nil
	}
	if !utf8.Valid(output) {
		return nil, sdk.Refuse(nodeType+" returned bytes that are no text", "return text or JSON, or use a plugin's node type, which can make artifacts")
	}
	out = sdk.Values{"output": string(output)}
	var parsed sdk.Values
	if json.Valid(output) && json.Unmarshal(slices.Concat([]byte(`{"json":`), output, []byte("}")), &parsed) == nil {
		maps.Copy(out, parsed)
	}
	return out, nil
}

// callExtism calls a function of a fresh or reset instance; begin gives the sandbox to the task, nil to none.
func (m *module) callExtism(ctx context.Context, what, function string, input []byte, l sdk.Limits, begin func(*instance) *call) ([]byte, error) {
	i, err := m.pool.take(ctx, tenant{}, l)
	if err != nil {
		return nil, err
	}
	i.clean, i.tenant = false, nobody
	if begin == nil {
		begin = func(i *instance) *call { return m.begin(ctx, i.box, what, nil, l, newArtifacts(nil)) }
	}
	c := begin(i)
	output, err := i.callExtism(c, function, input)
	left := 0
	if c.box.files != nil {
		left = c.box.files.close()
	}
	c.end()
	if err == nil && left == 0 && i.restore != nil {
		m.pool.put(i)
	} else {
		i.close()
	}
	return output, err
}

// nobody is the tenant of an instance that is reset for whoever comes next.
var nobody = tenant{owner: "\x00"}

func (i *instance) callExtism(c *call, function string, input []byte) ([]byte, error) {
	f := i.module.ExportedFunction(function)
	if f == nil && function == "run" {
		f = i.module.ExportedFunction("_start")
	}
	if f == nil || support(function) && function != "describe" {
		return nil, refuse(fmt.Sprintf("%s: its plug-in exports no function %s", c.what, function))
	}
	k := &i.box.kernel
	k.begin(input, c.limits.Memory)
	i.box.in = int64(len(input))
	results, err := f.Call(c.ctx)
	i.box.stderr.flush()
	var exit *sys.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 0 && c.cause() == nil {
		i.restore, err = nil, nil // the instance is closed
	}
	switch {
	case err != nil:
		return nil, c.explain(err)
	case k.failed != 0, len(results) == 1 && api.DecodeU32(results[0]) != 0:
		message := k.text(k.failed)
		if message == "" {
			message = fmt.Sprintf("%s of the plug-in returned %d", function, api.DecodeU32(results[0]))
		}
		return nil, failure(sdk.Fail(message, ""), &i.box.stderr)
	case int64(k.outputLength) > c.limits.Output:
		return nil, c.tooMuch(fmt.Sprintf("%d bytes", k.outputLength))
	}
	i.box.out = int64(k.outputLength)
	return slices.Clone(k.bytes(k.output, k.outputLength)), nil
}

// startExtism does what an Extism host does before the first call.
func (i *instance) startExtism(c *call) error {
	for _, name := range []string{"_initialize", "__wasm_call_ctors"} {
		if f := i.module.ExportedFunction(name); f != nil {
			if _, err := f.Call(c.ctx); err != nil {
				return c.explain(err)
			}
			break
		}
	}
	if f := i.module.ExportedFunction("hs_init"); f != nil {
		if _, err := f.Call(c.ctx, 0, 0); err != nil {
			return c.explain(err)
		}
	}
	return nil
}
