package auth

import (
	"net/netip"
	"time"
)

// The bounds of guessing.
const (
	maxWrong     = 10 // wrong tokens of one address before it is locked out
	lockedFor    = time.Minute
	forgiven     = 10 * time.Minute // after so long without a wrong one an address begins anew
	maxAddresses = 10_000
)

// lockout counts wrong tokens by address. It holds a bounded number of addresses: who fills it with others forgets nobody's
// tokens, but counts.
type lockout struct {
	wrong map[netip.Addr]*strikes
}

type strikes struct {
	count  int
	last   time.Time
	locked time.Time // until then
}

// key is what is counted: an IPv6 network of one household or machine is one.
func key(address string) netip.Addr {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return netip.Addr{}
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// until says until when an address is not listened to; zero: it is.
func (l *lockout) until(address string, now time.Time) time.Time {
	s := l.wrong[key(address)]
	if s == nil || !now.Before(s.locked) {
		return time.Time{}
	}
	return s.locked
}

// strike counts a wrong token.
func (l *lockout) strike(address string, now time.Time) {
	if l.wrong == nil {
		l.wrong = map[netip.Addr]*strikes{}
	}
	k := key(address)
	s := l.wrong[k]
	if s == nil || now.Sub(s.last) >= forgiven {
		if s == nil && len(l.wrong) >= maxAddresses {
			l.forget(now)
		}
		s = &strikes{}
		l.wrong[k] = s
	}
	s.count++
	s.last = now
	if s.count >= maxWrong {
		s.locked = now.Add(lockedFor)
	}
}

// forget makes room: of who is forgiven, else of half of all, so that it need not look again soon.
func (l *lockout) forget(now time.Time) {
	for k, s := range l.wrong {
		if now.Sub(s.last) >= forgiven {
			delete(l.wrong, k)
		}
	}
	if len(l.wrong) < maxAddresses {
		return
	}
	for k := range l.wrong {
		if len(l.wrong) <= maxAddresses/2 {
			return
		}
		delete(l.wrong, k)
	}
}
