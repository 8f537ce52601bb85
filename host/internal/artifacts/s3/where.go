package s3

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Where says in which bucket artifacts are, and how it is reached.
type Where struct {
	Bucket string
	// Prefix stands before every key: empty, or with a slash at its end.
	Prefix string
	// Endpoint is the server's host, with a port where it is not the usual one.
	Endpoint string
	// Plain: HTTP instead of HTTPS.
	Plain bool
	// Region of the bucket; empty: it is asked for.
	Region string
	// PathStyle puts the bucket into the path and not into the host's name.
	PathStyle bool
	// CA is a file with the certificate that the server's is signed with; empty: one of the system's.
	CA string
}

// aws is whose server an address without an endpoint means.
const aws = "s3.amazonaws.com"

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// Parse reads an address such as s3://bucket/prefix?endpoint=http://box:9000. Of what may stand after the question mark docs/artifacts.md
// tells. Keys and passwords have no place there.
func Parse(address string) (Where, error) {
	bad := func(format string, a ...any) (Where, error) {
		return Where{}, fmt.Errorf("%s: %s; want s3://BUCKET[/PREFIX][?endpoint=https://HOST]", redact(address), fmt.Sprintf(format, a...))
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return bad("no address")
	case u.Scheme != "s3":
		return bad("no address of a bucket")
	case u.User != nil:
		return bad("keys do not belong into an address: they come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a credentials file, or the machine's role")
	case !bucketName.MatchString(u.Host):
		return bad("%q cannot be a bucket's name", u.Host)
	case u.Fragment != "":
		return bad("nothing may follow a #")
	}
	w := Where{Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), Endpoint: aws}
	if w.Prefix != "" {
		w.Prefix += "/"
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return bad("%v", err)
	}
	for name, values := range q {
		value := values[len(values)-1]
		switch name {
		case "endpoint":
			w.Endpoint, w.Plain, err = endpoint(value)
			w.PathStyle = !q.Has("path_style")
		case "region":
			w.Region = value
		case "path_style":
			w.PathStyle, err = strconv.ParseBool(value)
		case "ca":
			w.CA = value
		default:
			return bad("there is no %q: endpoint, region, path_style and ca there are", name)
		}
		if err != nil {
			return bad("%s: %v", name, err)
		}
	}
	return w, nil
}

// redact leaves out of an address what may be a password.
func redact(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if _, after, found := strings.Cut(rest, "@"); ok && found {
		return scheme + "://…@" + after
	}
	return address
}

// endpoint reads the address of a server.
func endpoint(address string) (host string, plain bool, err error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return "", false, errors.New("want http://HOST:PORT or https://HOST")
	}
	return u.Host, u.Scheme == "http", nil
}

func (w Where) String() string {
	scheme := "https"
	if w.Plain {
		scheme = "http"
	}
	return fmt.Sprintf("bucket %s at %s://%s", w.Bucket, scheme, w.Endpoint)
}
