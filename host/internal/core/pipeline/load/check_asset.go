package load

import (
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
)

// checkAssets refuses what may not be used, once all files are read: whether the run is commercial may stand in any of them.
func (l *checker) checkAssets() {
	l.Pipeline.Commercial = l.Assets.Commercial
	for _, u := range l.Assets.Used {
		if u.Version == nil {
			continue
		}
		if no := u.Version.Refused(u.Ref, l.Assets.Commercial); no != nil {
			l.Add(diagnostic.Error, u.Range, no.Fix, "%s", no)
		} else if l.Assets.Commercial && u.Version.Licence.Commercial == asset.Unknown {
			r := u.Ref
			r.Version = u.Version.Number
			l.Add(diagnostic.Warning, u.Range, "say it: spinbot assets edit "+r.String()+" --licence ID --commercial yes, or on its page in the library", "nobody knows whether asset %s may be used commercially", r)
		}
	}
}
