package pluginexec

import (
	"os"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/exec/pluginexec/pin"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// What plugins see of the host's environment. Secrets live in other variables and stay out.
var (
	allowedNames    = []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"}
	allowedPrefixes = []string{"LC_", "XDG_", "SPINBOT_PLUGIN_"}
)

// allowed filters an environment by the allow-list and further names.
func allowed(environ, more []string) []string {
	var out []string
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		ok := slices.Contains(allowedNames, name) || slices.Contains(more, name) ||
			slices.ContainsFunc(allowedPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
		if ok {
			out = append(out, kv)
		}
	}
	return out
}

// environ is what a plugin sees of the environment.
func (e *Executor) environ(b Binary, devices []string) []string {
	env := allowed(os.Environ(), e.config.Env)
	if len(devices) > 0 || b.UsesDevices {
		env = append(env, pin.Environ(devices, e.config.Kind)...)
	}
	return append(env, wire.EnvWatch+"=stdin")
}
