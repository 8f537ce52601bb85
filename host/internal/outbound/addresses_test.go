package outbound

import (
	"net/netip"
	"testing"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]kind{
		"93.184.216.34": public, "2606:2800:220:1::1": public, "64:ff9b::5db8:d822": public, "2002:5db8:d822::1": public,
		"127.0.0.1": private, "127.255.0.9": private, "::1": private, "::ffff:127.0.0.1": private,
		"10.1.2.3": private, "172.16.0.1": private, "172.31.255.255": private, "172.32.0.1": public, "192.168.1.1": private,
		"::ffff:192.168.1.1": private, "64:ff9b::c0a8:101": private, "64:ff9b::7f00:1": private, "2002:a00:1::": private,
		"64:ff9b:1::1": private, "100.64.0.1": private, "100.127.255.255": private, "100.128.0.1": public,
		"169.254.1.1": private, "fe80::1": private, "fe80::1%eth0": private, "fd12::1": private, "fc00::1": private, "fec0::1": private,
		"169.254.169.254": never, "::ffff:169.254.169.254": never, "64:ff9b::a9fe:a9fe": never, "fd00:ec2::254": never, "100.100.100.200": never,
		"0.0.0.0": never, "0.1.2.3": never, "::": never, "224.0.0.1": never, "ff02::1": never, "255.255.255.255": never, "240.0.0.1": never,
		"::127.0.0.1": never, "2001:0:1::1": never, "2001:db8::1": never, "192.0.2.1": never, "198.18.0.1": private, "4000::1": never,
	} {
		a := netip.MustParseAddr(address)
		if got, what := judge(a); got != want {
			t.Errorf("%s is judged %d (%s), want %d", address, got, what, want)
		}
		if ok := permit(a, false) == nil; ok != (want == public) {
			t.Errorf("%s: permitted without private: %v", address, ok)
		}
		if ok := permit(a, true) == nil; ok != (want != never) {
			t.Errorf("%s: permitted with private: %v", address, ok)
		}
	}
	if permit(netip.Addr{}, true) == nil {
		t.Error("no address is permitted")
	}
}

// FuzzMapped: an IPv4 address is judged alike in all forms that lead to it.
func FuzzMapped(f *testing.F) {
	f.Add(uint32(0x7f000001))
	f.Fuzz(func(t *testing.T, n uint32) {
		b := [4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
		want, _ := judge(netip.AddrFrom4(b))
		for _, prefix := range []string{"::ffff:0:0", "64:ff9b::"} {
			a := netip.MustParseAddr(prefix).As16()
			copy(a[12:], b[:])
			if got, _ := judge(netip.AddrFrom16(a)); got != want {
				t.Errorf("%v is judged %d as %v, and %d as itself", b, got, netip.AddrFrom16(a), want)
			}
		}
	})
}
