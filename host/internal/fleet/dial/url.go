package dial

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// kind is the way in which the server is found.
type kind string

const (
	single   kind = "redis"
	sentinel kind = "redis+sentinel"
	cluster  kind = "redis+cluster"
	socket   kind = "unix"
)

// target is an address, taken apart.
type target struct {
	kind             kind
	hosts            []string // host:port each, or the path of a socket
	user, password   string
	master           string // of Sentinel
	sentinelUser     string
	sentinelPassword string
	db               int
	tls              tlsTarget
}

const forms = "redis://host:6379, rediss://host:6380, redis+sentinel://h1:26379,h2:26379/master, redis+cluster://h1:6379,h2:6379 or unix:///path/to/redis.sock"

// split takes an address apart by hand: net/url knows no lists of hosts, and its errors hold the whole address, the password
// included.
func split(raw string) (scheme, userinfo, hosts, path, query string, err error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return "", "", "", "", "", errors.New("it has no scheme; write it as " + forms)
	}
	rest, query, _ = strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		userinfo, authority = authority[:i], authority[i+1:]
	} else if strings.Contains(path, "@") {
		return "", "", "", "", "", errors.New("there is an @ behind the first slash; write a / in a password as %2F, or keep the password in a file")
	}
	return strings.ToLower(scheme), userinfo, authority, path, query, nil
}

// Address gives an address without user, password and options, to be shown.
func Address(raw string) string {
	scheme, _, hosts, path, _, err := split(raw)
	if err == nil && hosts != "" {
		_, err = hostPorts(hosts, "1")
	}
	if err != nil {
		return "(an address that cannot be read)"
	}
	if path != "" {
		path = "/" + path
	}
	return scheme + "://" + hosts + path
}

func parse(raw string) (target, error) {
	if raw == "" {
		return target{}, errors.New("it is empty; write it as " + forms)
	}
	scheme, userinfo, hosts, path, rawQuery, err := split(raw)
	if err != nil {
		return target{}, err
	}
	t := target{}
	plain, secure := strings.CutPrefix(scheme, "rediss")
	if secure {
		scheme, t.tls.on = "redis"+plain, true
	}
	t.kind = kind(scheme)
	if err := t.credentials(userinfo); err != nil {
		return target{}, err
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return target{}, errors.New("what stands behind the ? cannot be read; write it as ?name=value&name=value, with %26 for an & in a value")
	}
	dbText := query.Get("db")
	switch t.kind {
	case single, cluster:
		if path != "" {
			dbText = path
		}
		t.hosts, err = hostPorts(hosts, "6379")
	case sentinel:
		t.master = path
		if path == "" {
			return target{}, errors.New("the name of the master is missing: redis+sentinel://h1:26379,h2:26379/mymaster")
		}
		t.hosts, err = hostPorts(hosts, "26379")
	case socket:
		t.hosts = []string{"/" + path}
		if hosts != "" || path == "" {
			return target{}, errors.New("a socket's path begins with a slash: unix:///path/to/redis.sock")
		}
	default:
		return target{}, fmt.Errorf("%q is no scheme of it; write it as %s", scheme, forms)
	}
	if err != nil {
		return target{}, err
	}
	return t, t.options(query, dbText)
}

func (t *target) credentials(userinfo string) (err error) {
	user, password, _ := strings.Cut(userinfo, ":")
	t.user, err = url.PathUnescape(user)
	if err == nil {
		t.password, err = url.PathUnescape(password)
	}
	if err != nil {
		return errors.New("its user or password cannot be read: write a % in it as %25, or keep the password in a file")
	}
	return nil
}

// hostPorts takes a list of hosts apart; one without a port gets the usual one.
func hostPorts(list, port string) ([]string, error) {
	var out []string
	for h := range strings.SplitSeq(list, ",") {
		host, p, err := net.SplitHostPort(h)
		if err != nil {
			host, p = strings.Trim(h, "[]"), port
		}
		if host == "" || strings.ContainsAny(host, " /") {
			return nil, fmt.Errorf("%q is not a host", host)
		}
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 { // not shown: it may be a password without its @
			return nil, fmt.Errorf("what stands behind %q and the colon is no port from 1 to 65535", host)
		}
		out = append(out, net.JoinHostPort(host, p))
	}
	return out, nil
}

// options reads what stands behind the question mark. An unknown one is refused: a misspelt pin would be no pin.
func (t *target) options(query url.Values, dbText string) error {
	for name, values := range query {
		value := values[len(values)-1]
		secure := true
		switch name {
		case "db":
			secure = false
		case "sentinel_user":
			t.sentinelUser, secure = value, false
		case "ca":
			t.tls.ca = value
		case "cert":
			t.tls.cert = value
		case "key":
			t.tls.key = value
		case "servername":
			t.tls.serverName = value
		case "pin":
			t.tls.pin = value
		default:
			return fmt.Errorf("it has no option %q; there are db, ca, cert, key, servername, pin and sentinel_user", name)
		}
		if secure && !t.tls.on {
			return fmt.Errorf("the option %q is of TLS: write rediss instead of redis", name)
		}
	}
	if dbText == "" {
		return nil
	}
	var err error
	if t.db, err = strconv.Atoi(dbText); err != nil || t.db < 0 {
		return fmt.Errorf("%q is no number of a database", dbText)
	}
	if t.kind == cluster && t.db != 0 {
		return errors.New("a Redis Cluster has database 0 only: leave the number away")
	}
	return nil
}

// fill takes over what stands beside the address.
func (t *target) fill(c Config) (err error) {
	if c.User != "" {
		t.user = c.User
	}
	if c.Password != "" {
		t.password = c.Password
	}
	if c.PasswordFile != "" {
		if t.password, err = readPassword(c.PasswordFile); err != nil {
			return err
		}
	}
	if c.SentinelPasswordFile != "" {
		if t.sentinelPassword, err = readPassword(c.SentinelPasswordFile); err != nil {
			return err
		}
	}
	if c.Pin != "" {
		t.tls.pin = c.Pin
		if !t.tls.on {
			return errors.New("a pin is of TLS: write rediss instead of redis in the address")
		}
	}
	if t.user != "" && t.password == "" {
		return fmt.Errorf("the user %q has no password; name the file that holds it with --redis-password-file", t.user)
	}
	return nil
}

// readPassword reads a file that nobody but its owner may read. One newline at its end is not part of the password.
func readPassword(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return "", fmt.Errorf("the password file lies where others can read it (%s is %04o): chmod 600 %s", path, mode, path)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("password file: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if password == "" {
		return "", fmt.Errorf("the password file %s is empty", path)
	}
	return password, nil
}
