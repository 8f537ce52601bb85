package outbound

import (
	"fmt"
	"net/netip"
)

// kind is what an address is for.
type kind int

const (
	public kind = iota
	private
	never // not to be reached by any grant
)

// A block of addresses with one purpose.
type block struct {
	prefix netip.Prefix
	kind   kind
	what   string
}

// blocks are the addresses that are not public; the first that holds one counts. Sources: the special-purpose registries
// of IANA, and the addresses at which clouds hand out the keys of a machine.
var blocks = parse([]struct {
	kind   kind
	what   string
	ranges []string
}{
	{never, "where a cloud hands out the keys of a machine", []string{"169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32", "fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128"}},
	{never, "unspecified", []string{"0.0.0.0/8", "::/128"}},
	{never, "multicast or broadcast", []string{"224.0.0.0/4", "255.255.255.255/32", "ff00::/8"}},
	{never, "reserved", []string{"240.0.0.0/4", "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "192.88.99.0/24", "100::/64", "2001:db8::/32", "3fff::/20", "5f00::/16"}},
	{private, "loopback: this machine", []string{"127.0.0.0/8", "::1/128"}},
	{private, "link-local", []string{"169.254.0.0/16", "fe80::/10"}},
	{private, "private", []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"}},
	{private, "shared by a provider's customers", []string{"100.64.0.0/10"}},
	{private, "for benchmarks", []string{"198.18.0.0/15", "2001:2::/48"}},
	{private, "translated by the local network", []string{"64:ff9b:1::/48"}},
	{never, "a tunnel", []string{"2001::/32"}},
	{never, "an old form of an IPv4 address", []string{"::/96"}},
})

func parse(table []struct {
	kind   kind
	what   string
	ranges []string
}) (out []block) {
	for _, row := range table {
		for _, r := range row.ranges {
			out = append(out, block{netip.MustParsePrefix(r), row.kind, row.what})
		}
	}
	return out
}

// Prefixes whose addresses lead to the IPv4 address that they hold.
var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	sixTo4 = netip.MustParsePrefix("2002::/16")
)

// judge says what an address is for; what tells people.
func judge(a netip.Addr) (k kind, what string) {
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return never, "no address"
	}
	if a.Is6() {
		b := a.As16()
		switch {
		case nat64.Contains(a):
			return judge(netip.AddrFrom4([4]byte(b[12:])))
		case sixTo4.Contains(a):
			return judge(netip.AddrFrom4([4]byte(b[2:6])))
		}
	}
	for _, b := range blocks {
		if b.prefix.Contains(a) {
			return b.kind, b.what
		}
	}
	if a.Is6() && b0(a)&0xe0 != 0x20 { // 2000::/3 alone is given out
		return never, "reserved"
	}
	return public, "public"
}

func b0(a netip.Addr) byte { b := a.As16(); return b[0] }

// addressError says that a host has an address that may not be reached.
type addressError struct {
	address netip.Addr
	what    string
	private bool // a grant with private would do
}

// Error says what the address is.
func (e *addressError) Error() string { return fmt.Sprintf("its address %s is %s", e.address, e.what) }

// permit says whether an address may be connected to; nil when it may.
func permit(a netip.Addr, privateToo bool) error {
	switch k, what := judge(a); {
	case k == public, k == private && privateToo:
		return nil
	default:
		return &addressError{a, what, k == private}
	}
}
