package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/myspinbot/spinbot/host/internal/config/hours"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/device"
	"github.com/myspinbot/spinbot/host/internal/core/pipeline/language"
	"github.com/myspinbot/spinbot/host/internal/gpu"
	"github.com/myspinbot/spinbot/sdk"
)

func blockNamed(name string) func(language.Block) bool {
	return func(b language.Block) bool { return b.Name == name }
}

var (
	labelForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	digestForm  = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	computeForm = regexp.MustCompile(`^[0-9]{1,2}\.[0-9]$`)
)

// maxCount is how many devices one block may stand for.
const maxCount = 64

// positive refuses zeros of a word that was written.
func (r *reader) positive(g given, word string) {
	if zero := g.v[word]; g.has(word) && (zero == int64(0) || zero == 0 || zero == time.Duration(0)) {
		r.Fail(g.where(word), "", "%s: want more than 0", word)
	}
}

func (r *reader) device(g given, place string) {
	kind, label := g.block.Labels[0], g.block.Labels[1]
	if !labelForm.MatchString(label) {
		r.Fail(g.block.LabelRanges[1], "letters, digits, dots, dashes and underscores", "%q is no label of a device", label)
		return
	}
	w := gpu.Written{Device: device.Device{UUID: "STATIC-" + label, Kind: device.Static, Name: get[string](g, "name"), Memory: get[int64](g, "memory"),
		Compute: get[string](g, "compute"), Architecture: get[string](g, "architecture")}, Used: get[int64](g, "used")}
	if w.Name == "" {
		w.Name = label
	}
	r.positive(g, "memory")
	if w.Compute != "" && !computeForm.MatchString(w.Compute) {
		r.Fail(g.where("compute"), "", "compute: want a version such as \"8.9\", got %q", w.Compute)
	}
	if w.Used > w.Memory && w.Memory > 0 {
		r.Fail(g.where("used"), "", "used: more than the memory that it has")
	}
	if uuid := get[string](g, "uuid"); uuid != "" {
		w.UUID = uuid
	}
	if kind == "fake" {
		w.UUID, w.Kind, w.Script = "FAKE-"+label, device.Fake, r.script(g, place, w.Memory)
		w.Figures = r.path(get[string](g, "figures"), false)
	}
	r.positive(g, "count")
	n := get[int](g, "count")
	switch {
	case n > maxCount:
		r.Fail(g.where("count"), "", "count: want at most %d, got %d", maxCount, n)
	case n > 0:
		for i := range n {
			each := w
			each.UUID, each.Script = fmt.Sprintf("%s-%d", w.UUID, i), slices.Clone(w.Script)
			r.addDevice(g, each)
		}
	default:
		r.addDevice(g, w)
	}
}

func (r *reader) addDevice(g given, w gpu.Written) {
	if slices.ContainsFunc(r.c.Devices, func(x gpu.Written) bool { return x.UUID == w.UUID }) {
		r.Fail(g.block.LabelRanges[1], "let one of them be called otherwise", "there are two devices %s", w.UUID)
		return
	}
	r.c.Devices = append(r.c.Devices, w)
}

// script reads the events of a fake device, in the order of their times.
func (r *reader) script(g given, place string, memory int64) (script []gpu.Event) {
	spec := blocks[slices.IndexFunc(blocks, func(b language.Block) bool { return b.Name == "device" && b.Labels[0] == "fake" })].Blocks[0]
	for _, b := range g.block.Body.Blocks {
		if b.Type != spec.Name {
			continue
		}
		if len(b.Labels) > 0 {
			r.Fail(b.LabelRanges[0], "", "event has no label: event { }")
			continue
		}
		e := r.read(b, spec, fmt.Sprintf("%s.event.%d", place, len(script)+1))
		x := gpu.Event{At: get[time.Duration](e, "at"), Do: get[string](e, "do"), Used: get[int64](e, "used")}
		switch {
		case x.Do == "use" && !e.written("used"):
			r.Fail(b.DefRange(), "", "an event that does \"use\" says how much: used = \"1GiB\"")
		case x.Do != "" && x.Do != "use" && e.has("used"):
			r.Fail(e.where("used"), "", "used goes with do = \"use\" only")
		case x.Used > memory && memory > 0:
			r.Fail(e.where("used"), "", "used: more than the memory that the device has")
		}
		script = append(script, x)
	}
	slices.SortStableFunc(script, func(a, b gpu.Event) int { return int(a.At/time.Microsecond - b.At/time.Microsecond) })
	return script
}

func (r *reader) reclaim(g given) {
	r.positive(g, "memory")
	r.c.Reclaim = Reclaim{Policy: Policy(get[string](g, "policy")), Memory: get[int64](g, "memory"),
		After: get[time.Duration](g, "after"), Return: get[time.Duration](g, "return")}
}

func (r *reader) hours(g given) {
	h := hours.Weekly{From: get[hours.Clock](g, "from"), To: get[hours.Clock](g, "to"), Zone: time.Local}
	days := get[[]string](g, "days")
	for _, name := range days {
		h.Days = append(h.Days, hours.Weekday(name))
	}
	if len(days) == 0 && g.has("days") {
		r.Fail(g.where("days"), "leave it out for every day", "days: want at least one")
	}
	if h.From == hours.EndOfDay {
		r.Fail(g.where("from"), "", "from: a day begins at \"00:00\"")
	}
	if g.has("from") && g.has("to") && h.From == h.To {
		r.Fail(g.where("to"), "a whole day is from = \"00:00\" to = \"24:00\"", "the window ends when it begins")
	}
	if name := get[string](g, "timezone"); g.has("timezone") {
		zone, err := time.LoadLocation(name)
		if err != nil || name == "" {
			r.Fail(g.where("timezone"), "", "timezone: %q is no name of a time zone (write it like \"Europe/Berlin\")", name)
			zone = time.Local
		}
		h.Zone = zone
	}
	r.c.Hours = append(r.c.Hours, h)
}

func (r *reader) quota(g given) {
	q := Quota{User: g.block.Labels[0], Devices: get[int](g, "devices"), Memory: get[int64](g, "memory")}
	if q.User == "" {
		r.Fail(g.block.LabelRanges[0], "quota \"*\" is for everybody", "a quota is of a user")
	}
	if len(g.at) == 0 {
		r.Fail(g.block.DefRange(), "give it devices, memory or both", "%s bounds nothing", heading(g.block))
	}
	r.positive(g, "devices")
	r.positive(g, "memory")
	r.c.Quotas = append(r.c.Quotas, q)
}

func (r *reader) engine(g given) {
	e := Engine{Name: g.block.Labels[0], Plugin: get[string](g, "plugin"), URL: get[string](g, "url"), Device: get[string](g, "device"), Memory: get[int64](g, "memory")}
	if !sdk.IsName(e.Name) {
		r.Fail(g.block.LabelRanges[0], "lower case letters, digits and underscores, a letter first", "%q is no name of an engine", e.Name)
	}
	if g.has("plugin") && !sdk.IsName(e.Plugin) {
		r.Fail(g.where("plugin"), "", "plugin: %q is no name of a plugin", e.Plugin)
	}
	r.web(g)
	if g.written("device") == g.written("memory") {
		r.Fail(g.block.DefRange(), "device names the device of this machine that it computes on; memory says what it has when it is a device of its own",
			"%s has one of device and memory", heading(g.block))
	}
	r.positive(g, "memory")
	if dir := get[string](g, "models_dir"); dir != "" {
		r.told = append(r.told, told{e.Plugin, "models_dir", r.path(dir, false), g.where("models_dir")})
	} else if g.has("models_dir") {
		r.Fail(g.where("models_dir"), "", "models_dir: want a path")
	}
	r.c.Engines = append(r.c.Engines, e)
}

func (r *reader) models(g given) {
	m := Models{Name: g.block.Labels[0], Folder: r.path(get[string](g, "folder"), false), Kind: get[string](g, "kind"), Rate: get[int64](g, "rate"), Private: get[bool](g, "private")}
	if !labelForm.MatchString(m.Name) {
		r.Fail(g.block.LabelRanges[0], "letters, digits, dots, dashes and underscores", "%q is no name of a folder of models", m.Name)
	}
	if g.has("folder") && get[string](g, "folder") == "" {
		r.Fail(g.where("folder"), "", "folder: want a path")
	}
	if m.Kind != "" && (strings.Contains(m.Kind, "/") || !sdk.IsModelFile(m.Kind+"/x")) {
		r.Fail(g.where("kind"), "", "kind: %q is none; write it like \"loras\"", m.Kind)
	}
	r.positive(g, "rate")
	r.c.Models = append(r.c.Models, m)
}

func (r *reader) model(g given) {
	s := Source{Name: g.block.Labels[0], URL: get[string](g, "url"), Digest: get[string](g, "digest"), Auto: get[string](g, "fetch") == fetchAuto}
	if !sdk.IsModelFile(s.Name) {
		r.Fail(g.block.LabelRanges[0], "its kind and its path: \"loras/ink.safetensors\"", "%q is no name of a model file", s.Name)
	}
	if g.has("url") != g.has("digest") || g.has("fetch") && !g.has("url") {
		r.Fail(g.block.DefRange(), "what comes from a URL is verified", "model %s: url and digest go together, and fetch needs them", s.Name)
	}
	licensed := g.has("licence") || g.has("commercial")
	if licensed {
		r.licence(s.Name, get[string](g, "licence"), asset.Commercial(get[string](g, "commercial")))
	}
	if !g.has("url") {
		if !licensed {
			r.Fail(g.block.DefRange(), "give url and digest, or licence", "model %s: it says neither where the file is nor its licence", s.Name)
		}
		return
	}
	r.web(g)
	if g.has("digest") && !digestForm.MatchString(s.Digest) {
		r.Fail(g.where("digest"), "sha256sum prints the digits of a file", "digest: want \"sha256:\" and 64 hexadecimal digits, got %q", s.Digest)
	}
	r.c.Sources = append(r.c.Sources, s)
}

func (r *reader) licence(model, id string, commercial asset.Commercial) {
	l := asset.LicenceOf(id)
	if commercial != "" {
		l.Commercial = commercial
	}
	if r.c.Licences == nil {
		r.c.Licences = map[string]asset.Licence{}
	}
	r.c.Licences[model] = l
}

// web checks the word url.
func (r *reader) web(g given) {
	r.webWord(g, "url", "what an engine asks for is told to its plugin, in its block, with secret(\"name\")")
}

// webWord checks a word that is a URL; a password in it is refused, and mend says what would do.
func (r *reader) webWord(g given, word, mend string) {
	text := get[string](g, word)
	u, err := url.Parse(text)
	if ok := g.has(word); ok && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		r.Fail(g.where(word), "", "%s: want http://… or https://…, got %q", word, text)
	} else if ok && u.User != nil {
		r.Fail(g.where(word), mend, "%s: a password does not belong here", word)
	}
}

func (r *reader) placement(g given) {
	r.c.Placement = Placement{Preempt: get[int](g, "preempt"), Ageing: get[time.Duration](g, "ageing"), Reserve: get[int64](g, "reserve")}
}

var modelForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{0,199}$`)

func (r *reader) search(g given) {
	r.c.Search = Search{Model: get[string](g, "model")}
	if g.has("model") && !modelForm.MatchString(r.c.Search.Model) {
		r.Fail(g.where("model"), "ollama list shows the names", "model: %q is no name of a model", r.c.Search.Model)
	}
}
