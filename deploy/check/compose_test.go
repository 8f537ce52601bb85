package check

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

const top = "../.."

// profiles are all there are, with what each has beside the services that always run.
var profiles = map[string][]string{
	"":              {"host", "agent", "redis", "postgres", "minio", "traefik", "redisinsight", "pgadmin", "ollama", "comfyui", "downloader", "prepare"},
	"observability": {"prometheus", "grafana", "redis-exporter", "postgres-exporter", "cadvisor", "metrics-token"},
	"chatbot":       {"openwebui"},
	"dev":           {"host-dev", "ui-dev", "sandbox"},
	"monorepo":      {"host-dev", "ui-dev", "sandbox"},
	"schemas":       {"schemas"},
}

// load reads the stack as `docker compose` does, with some profiles, the GPU's file or not, and variables.
func load(t *testing.T, gpu bool, with []string, env ...string) (*types.Project, error) {
	t.Helper()
	files := []string{filepath.Join(top, "compose.yaml")}
	if gpu {
		files = append(files, filepath.Join(top, "compose.gpu.yaml"))
	}
	o, err := cli.NewProjectOptions(files, cli.WithProfiles(with), cli.WithEnv(env), cli.WithResolvedPaths(true))
	if err != nil {
		return nil, err
	}
	return o.LoadProject(t.Context())
}

// TestStack loads every combination of profiles and overrides, and looks at each service of each.
func TestStack(t *testing.T) {
	t.Parallel()
	var names []string
	for name := range profiles {
		if name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for mask := range 1 << len(names) {
		var with []string
		for k, name := range names {
			if mask>>k&1 == 1 {
				with = append(with, name)
			}
		}
		for _, gpu := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s gpu=%v", strings.Join(with, "+"), gpu), func(t *testing.T) {
				t.Parallel()
				p, err := load(t, gpu, with)
				if err != nil {
					t.Fatal(err)
				}
				want := slices.Clone(profiles[""])
				for _, name := range with {
					want = append(want, profiles[name]...)
					if gpu && name == "observability" {
						want = append(want, "dcgm-exporter")
					}
				}
				slices.Sort(want)
				got := p.ServiceNames()
				slices.Sort(got)
				if want = slices.Compact(want); !slices.Equal(got, want) {
					t.Fatalf("services\n%v\nand not\n%v", got, want)
				}
				for _, s := range p.Services {
					look(t, p, s, gpu)
				}
			})
		}
	}
}

var (
	// once are services that end; nobody asks whether they are well.
	once = []string{"prepare", "downloader", "metrics-token", "schemas"}
	// writes are services whose root cannot be read-only: compose.yaml says why of each.
	writes = []string{"openwebui", "host-dev", "ui-dev", "sandbox", "schemas"}
	// may is what a service may do beyond nothing.
	may    = map[string][]string{"prepare": {"CHOWN"}, "openwebui": {"DAC_OVERRIDE"}, "cadvisor": {"DAC_READ_SEARCH"}, "dcgm-exporter": {"SYS_ADMIN"}}
	asRoot = []string{"prepare", "openwebui", "cadvisor", "dcgm-exporter"}
	// published are all ports that anybody outside reaches, and on which address.
	published = map[string][]string{"traefik": {"127.0.0.1:80:8000", "127.0.0.1:443:8443"}, "host-dev": {"127.0.0.1:8090:8080", "127.0.0.1:2345:2345"}, "ui-dev": {"127.0.0.1:5173:5173"}}
	pinned    = regexp.MustCompile(`^[a-z0-9][a-z0-9./_-]*:(v?[0-9][A-Za-z0-9._-]*|RELEASE[A-Za-z0-9.-]+|local)(@sha256:[0-9a-f]{64})?$`)
	secret    = regexp.MustCompile(`(?i)(password|secret|token|passwd|credential)`)
)

// look checks what holds of every service.
func look(t *testing.T, p *types.Project, s types.ServiceConfig, gpu bool) {
	t.Helper()
	wrong := func(format string, args ...any) { t.Helper(); t.Errorf(s.Name+": "+format, args...) }
	if !pinned.MatchString(s.Image) {
		wrong("image %q is not pinned", s.Image)
	}
	if (s.HealthCheck == nil || len(s.HealthCheck.Test) < 2) != slices.Contains(once, s.Name) {
		wrong("health check %+v", s.HealthCheck)
	}
	if d := s.Deploy; d == nil || d.Resources.Limits == nil || d.Resources.Limits.MemoryBytes == 0 || d.Resources.Limits.NanoCPUs == 0 || d.Resources.Limits.Pids == 0 {
		wrong("a limit is missing: %+v", s.Deploy)
	}
	if s.ReadOnly == slices.Contains(writes, s.Name) {
		wrong("read_only is %v", s.ReadOnly)
	}
	if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.CapAdd, may[s.Name]) || s.Privileged {
		wrong("security_opt %v, cap_drop %v, cap_add %v, privileged %v", s.SecurityOpt, s.CapDrop, s.CapAdd, s.Privileged)
	}
	if root := s.User == "" || strings.HasPrefix(s.User, "0:"); root != slices.Contains(asRoot, s.Name) {
		wrong("user %q", s.User)
	}
	if l := s.Logging; l == nil || l.Driver != "json-file" || l.Options["max-size"] == "" || l.Options["max-file"] == "" {
		wrong("logs are not rotated: %+v", s.Logging)
	}
	var ports []string
	for _, port := range s.Ports {
		ports = append(ports, fmt.Sprintf("%s:%s:%d", port.HostIP, port.Published, port.Target))
	}
	if !slices.Equal(ports, published[s.Name]) {
		wrong("publishes %v, and not %v", ports, published[s.Name])
	}
	for name, value := range s.Environment {
		if secret.MatchString(name) && value != nil && !strings.HasPrefix(*value, "/run/secrets/") && !strings.HasPrefix(*value, "/app/backend/data/") {
			wrong("%s is a secret in the environment", name)
		}
	}
	for _, x := range s.Secrets {
		if file := p.Secrets[x.Source].File; filepath.Base(filepath.Dir(file)) != "secrets" {
			wrong("secret %s comes from %s", x.Source, file)
		}
	}
	for _, v := range s.Volumes {
		switch {
		case v.Type == types.VolumeTypeVolume && v.Source == "":
			wrong("%s has no name", v.Target)
		case v.Type == types.VolumeTypeBind && strings.HasSuffix(v.Source, "docker.sock"):
			wrong("whoever has the engine's socket has the machine")
		case v.Type == types.VolumeTypeBind && !v.ReadOnly && v.Target != "/src":
			wrong("writes to %s", v.Source)
		case v.Type == types.VolumeTypeBind && !strings.HasPrefix(v.Target, "/rootfs") && s.Name != "cadvisor":
			if _, err := os.Stat(v.Source); err != nil {
				wrong("%v", err)
			}
		}
	}
	reserved := s.Deploy != nil && s.Deploy.Resources.Reservations != nil && len(s.Deploy.Resources.Reservations.Devices) > 0
	if wants := gpu && slices.Contains([]string{"agent", "ollama", "comfyui", "dcgm-exporter"}, s.Name); reserved != wants {
		wrong("GPUs are reserved: %v", reserved)
	}
	if s.Build != nil {
		if _, err := os.Stat(filepath.Join(s.Build.Context, s.Build.Dockerfile)); err != nil {
			wrong("%v", err)
		}
	}
}

// TestRooms: which networks see each other, and what is shared.
func TestRooms(t *testing.T) {
	t.Parallel()
	p, err := load(t, true, []string{"*"})
	if err != nil {
		t.Fatal(err)
	}
	for name, inside := range map[string]bool{"edge": false, "front": true, "data": true, "engines": false} {
		if got := p.Networks[name].Internal; got != inside {
			t.Errorf("network %s: internal %v", name, got)
		}
	}
	front := p.Networks["front"].Ipam.Config[0]
	at := p.Services["traefik"].Networks["front"].Ipv4Address
	if inside, given := netip.MustParsePrefix(front.Subnet), netip.MustParsePrefix(front.IPRange); !inside.Contains(netip.MustParseAddr(at)) || given.Contains(netip.MustParseAddr(at)) || !inside.Contains(given.Addr()) {
		t.Errorf("traefik is at %s of %s, of which %s is given out", at, front.Subnet, front.IPRange)
	}
	if got := p.Services["host"].Environment["PROXY"]; got == nil || *got != at {
		t.Errorf("the host believes %v, traefik is at %s", got, at)
	}
	for name, s := range p.Services {
		_, edge := s.Networks["edge"]
		if edge != (name == "traefik") {
			t.Errorf("%s on the edge: %v", name, edge)
		}
		if alone := slices.Contains([]string{"prepare", "metrics-token", "sandbox"}, name); alone != (s.NetworkMode == "none") || alone != (len(s.Networks) == 0) {
			t.Errorf("%s: network_mode %q, networks %v", name, s.NetworkMode, s.Networks)
		}
	}
	mounts := func(service string) (out []string) {
		for _, v := range p.Services[service].Volumes {
			out = append(out, v.Source+":"+v.Target)
		}
		return out
	}
	for _, shared := range []string{"ollama-data:/ollama", "comfyui-data:/comfyui"} {
		engine, _, _ := strings.Cut(shared, "-")
		for _, service := range []string{"agent", engine} {
			if !slices.Contains(mounts(service), shared) {
				t.Errorf("%s mounts %v, and not %s", service, mounts(service), shared)
			}
		}
	}
	for volume := range p.Volumes {
		if !slices.Contains(mounts("prepare"), volume+":/volumes/"+volume) {
			t.Errorf("prepare gives %s to nobody", volume)
		}
		used := 0
		for service := range p.Services {
			for _, m := range mounts(service) {
				if strings.HasPrefix(m, volume+":") {
					used++
				}
			}
		}
		if used < 2 {
			t.Errorf("nothing but prepare uses the volume %s", volume)
		}
	}
	for name := range p.Secrets {
		used := false
		for _, s := range p.Services {
			used = used || slices.ContainsFunc(s.Secrets, func(x types.ServiceSecretConfig) bool { return x.Source == name })
		}
		if !used {
			t.Errorf("nothing uses the secret %s", name)
		}
	}
	redis := strings.Join(p.Services["redis"].Command, " ")
	if conf, err := os.ReadFile(filepath.Join(top, "deploy/redis/redis.conf")); err != nil || redis != "redis-server /etc/redis/redis.conf --dir /data" || !strings.Contains(string(conf), "maxmemory-policy noeviction\nappendonly yes\n") {
		t.Errorf("%s: %v\n%s", redis, err, conf)
	}
}

// TestVariables: one variable moves every name and port.
func TestVariables(t *testing.T) {
	t.Parallel()
	p, err := load(t, false, []string{"*"}, "DOMAIN=gpu.example", "HTTPS_PORT=8443", "HTTP_PORT=8000", "BIND=0.0.0.0", "SPINBOT_UID=7", "SPINBOT_GID=8", "MINIO_IMAGE=example/s3:1.2")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := p.MarshalYAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--artifacts-s3-public=https://s3.gpu.example:8443\n", "--allow-host=app.gpu.example", "PORT: :8443", "DOMAIN: gpu.example", "https://grafana.gpu.example:8443/\n", "host_ip: 0.0.0.0",
		`published: "8443"`, "user: \"7:8\"", "OWNER: \"7:8\"", "image: example/s3:1.2", "redirections.entrypoint.to=:8443"} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%q is not in it", want)
		}
	}
	if strings.Contains(string(raw), "spinbot.localhost") {
		t.Error("a name does not come from DOMAIN")
	}
	p, err = load(t, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if command := strings.Join(p.Services["host"].Command, " "); !strings.Contains(command, "--artifacts-s3-public=https://s3.spinbot.localhost --") {
		t.Error(command)
	}
}

// TestMistakes: what compose would refuse is refused here.
func TestMistakes(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(top, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for broken, by := range map[string][2]string{
		"an unknown key":     {"    stop_grace_period: 40s", "    stop_grace: 40s"},
		"an unknown network": {"}, edge: {} }", "}, edgy: {} }"},
		"an unknown secret":  {"secrets: [tls_cert, tls_key]", "secrets: [tls_cert, tls_kee]"},
		"an unknown service": {"redis: { condition: service_healthy }", "redos: { condition: service_healthy }"},
	} {
		t.Run(broken, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(string(raw), by[0], by[1], 1)
			file := filepath.Join(t.TempDir(), "compose.yaml")
			if changed == string(raw) || os.WriteFile(file, []byte(changed), 0o600) != nil {
				t.Fatal("it was not broken")
			}
			o, err := cli.NewProjectOptions([]string{file})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := o.LoadProject(t.Context()); err == nil {
				t.Error("it was taken")
			}
		})
	}
}
