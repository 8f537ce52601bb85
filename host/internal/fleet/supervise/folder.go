package supervise

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
)

// The files of the folder. Everything in it is for its owner alone.
const (
	lockFile      = "lock"
	configFile    = "redis.conf"
	userFile      = "users.acl"
	hostPassword  = "host.password"
	agentPassword = "agent.password"
)

// Users of the server. An agent that joined is agentUser-<id>, a token joinUser-<id>.
const (
	hostUser  = "host"
	agentUser = "agent"
	joinUser  = "join"
)

// lockPatience is how long a redis-server whose host was killed may take to end.
const lockPatience = 5 * time.Second

// takeFolder locks the folder. The server has the lock's file open, too, so that it is held until both are gone.
func takeFolder(ctx context.Context, dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lockPatience)
	defer cancel()
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("%w %s: end it first (`fuser %s` tells which process it is), or start this host with another state directory", errTaken, dir, f.Name())
		case <-time.After(50 * time.Millisecond): // nobody tells of the end of a lock
		}
	}
}

// prepare writes the folder's files; the authority, the passwords and the agents that joined stay as they are.
func (s *Server) prepare() (err error) {
	if s.socket, err = s.makeSocketPath(); err != nil {
		return err
	}
	if !s.cfg.Plain {
		if s.pin, err = s.certify(); err != nil {
			return fmt.Errorf("certificates: %w", err)
		}
	}
	if err := s.writeUsers(); err != nil {
		return fmt.Errorf("users: %w", err)
	}
	return put(s.path(configFile), []byte(s.settings()))
}

// longestSocket is what the path of a unix socket may have in bytes everywhere, with some room.
const longestSocket = 100

func (s *Server) makeSocketPath() (string, error) {
	if path := s.path("redis.sock"); len(path) <= longestSocket {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "spinbot-redis-") // 0700
	s.socketDir = dir
	return filepath.Join(dir, "redis.sock"), err
}

// settings gives redis.conf.
func (s *Server) settings() string {
	bind := s.host
	if bind == "" {
		bind = "* -::*"
	}
	lines := []string{
		"# Written by `spinbot serve --fleet` at each start: changes here are lost.",
		"bind " + bind,
		"unixsocket " + quote(s.socket),
		"unixsocketperm 600",
		"protected-mode yes",
		"aclfile " + quote(s.path(userFile)),
		"dir " + quote(s.path("data")),
		"appendonly yes",
		"appendfsync everysec",
		`save ""`,
		"maxmemory-policy noeviction",
		"tcp-keepalive 60",
		"daemonize no",
		`logfile ""`,
	}
	if s.cfg.Plain {
		lines = append(lines, "port "+s.port)
	} else {
		lines = append(lines, "port 0", "tls-port "+s.port, "tls-auth-clients no", `tls-protocols "TLSv1.2 TLSv1.3"`,
			"tls-cert-file "+quote(s.path(serverCert)), "tls-key-file "+quote(s.path(serverKey)), "tls-ca-cert-file "+quote(s.path(caCert)))
	}
	return strings.Join(lines, "\n") + "\n"
}

// quote writes a path as redis.conf takes it.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// writeUsers writes the users: ours with their rights as they are now, agents with their passwords as they were. Passwords
// stand there as hashes.
func (s *Server) writeUsers() error {
	// Redis reads its file back as this user, and leaves out transactions that it may not carry out. Nobody can log in as it.
	lines := []string{"user default reset off allkeys allcommands"}
	host := s.hostRights()
	for _, u := range []struct {
		file   string
		rights dial.Rights
	}{{hostPassword, host}, {agentPassword, dial.AgentRights(s.cfg.Namespace, "")}} {
		password, err := keepPassword(s.path(u.file))
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(u.rights.User, "-")
		lines = append(lines, userLine(name, u.rights, []string{hashOf(password)}))
	}
	before, err := os.ReadFile(s.path(userFile))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for line := range strings.Lines(string(before)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		if id, ok := strings.CutPrefix(words[1], agentUser+"-"); ok {
			lines = append(lines, userLine(words[1], dial.AgentRights(s.cfg.Namespace, id), hashes(words)))
		} else if id, ok := strings.CutPrefix(words[1], joinUser+"-"); ok {
			lines = append(lines, userLine(words[1], joinRights(s.cfg.Namespace, id), hashes(words)))
		}
	}
	return put(s.path(userFile), []byte(strings.Join(lines, "\n")+"\n"))
}

// hostRights let the host do everything with the keys of the fleet and of joining, and with users: the server is its own.
func (s *Server) hostRights() dial.Rights {
	keys := []string{dial.Keys(s.cfg.Namespace) + "*", joinKeys(s.cfg.Namespace) + "*"}
	return dial.Rights{User: hostUser, Keys: keys, Channels: dial.Channels, Commands: []string{"@all"}}
}

func userLine(name string, r dial.Rights, hashes []string) string {
	words := append([]string{"user", name}, r.Rules("")...)
	return strings.Join(append(words, hashes...), " ")
}

// hashes gives the passwords in a user's line.
func hashes(words []string) (out []string) {
	for _, w := range words {
		if strings.HasPrefix(w, "#") {
			out = append(out, w)
		}
	}
	return out
}

func hashOf(password string) string {
	sum := sha256.Sum256([]byte(password))
	return "#" + hex.EncodeToString(sum[:])
}

// keepPassword reads a password's file, or makes it.
func keepPassword(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err == nil && len(strings.TrimSpace(string(raw))) > 0 {
		return strings.TrimSpace(string(raw)), nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	password := newPassword()
	return password, put(path, []byte(password+"\n"))
}

func newPassword() string { return rand.Text() + rand.Text() }

// put puts a file in its place whole and synced, readable by its owner only.
func put(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
