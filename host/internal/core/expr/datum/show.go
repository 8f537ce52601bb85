package datum

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/myspinbot/spinbot/sdk"
)

// oneLine is how long a list or an object may be to stand on one line, in bytes.
const oneLine = 72

// unknownText stands where a value is not known.
const unknownText = "(not known yet)"

// Show writes a value as it would stand in a pipeline, over several lines when it is long. Artifacts are shown as such;
// what is not known is said to be so.
func Show(v cty.Value) string {
	var b strings.Builder
	show(&b, v, "")
	return b.String()
}

func show(b *strings.Builder, v cty.Value, indent string) {
	if v.IsMarked() {
		b.WriteString("(sensitive)")
		return
	}
	switch t := v.Type(); {
	case !v.IsKnown():
		b.WriteString(unknownText)
	case v.IsNull():
		b.WriteString("null")
	case t == cty.String:
		b.WriteString(Quote(v.AsString()))
	case t == cty.Number, t == cty.Bool:
		text, err := ToText(v)
		if err != nil {
			text = cty.StringVal(err.Error())
		}
		b.WriteString(text.AsString())
	case t.Equals(ArtifactType) && v.IsWhollyKnown():
		b.WriteString(showArtifact(v))
	case t.IsSetType():
		b.WriteString("toset(")
		showParts(b, listParts(v, indent), "[", "]", indent)
		b.WriteByte(')')
	case t.IsTupleType(), t.IsListType():
		showParts(b, listParts(v, indent), "[", "]", indent)
	case t.IsObjectType(), t.IsMapType():
		showParts(b, objectParts(v, indent), "{", "}", indent)
	default:
		b.WriteString(t.FriendlyName())
	}
}

// showArtifact names an artifact in one line; its attributes can be asked for one by one.
func showArtifact(v cty.Value) string {
	text := func(name string) string {
		if a := v.GetAttr(name); !a.IsNull() {
			return a.AsString()
		}
		return ""
	}
	var size int64
	if n := v.GetAttr("size"); !n.IsNull() {
		size, _ = n.AsBigFloat().Int64()
	}
	return fmt.Sprintf("artifact(%s, %s, %s, %s)", Quote(text("name")), Quote(text("media_type")), Quote(sdk.FormatSize(size)),
		Quote(ShortDigest(text("digest"))))
}

// ShortDigest is enough of a digest for a person to tell it from others.
func ShortDigest(digest string) string {
	if short := len("sha256:") + 12; len(digest) > short {
		return digest[:short] + "…"
	}
	return digest
}

// part is an element of a list, or a member of an object with its name.
type part struct{ name, value string }

func listParts(v cty.Value, indent string) (parts []part) {
	for it := v.ElementIterator(); it.Next(); {
		_, e := it.Element()
		var b strings.Builder
		show(&b, e, indent+"  ")
		parts = append(parts, part{value: b.String()})
	}
	return parts
}

func objectParts(v cty.Value, indent string) (parts []part) {
	for it := v.ElementIterator(); it.Next(); {
		k, e := it.Element()
		name := k.AsString()
		if !hclsyntax.ValidIdentifier(name) {
			name = Quote(name)
		}
		var b strings.Builder
		show(&b, e, indent+"  ")
		parts = append(parts, part{name, b.String()})
	}
	return parts
}

// showParts writes a list or an object on one line when it is short, else one part to a line.
func showParts(b *strings.Builder, parts []part, open, end, indent string) {
	size, longest, lines := 0, 0, false
	for _, p := range parts {
		size += len(p.name) + len(p.value) + 5
		longest = max(longest, utf8.RuneCountInString(p.name))
		lines = lines || strings.Contains(p.value, "\n")
	}
	b.WriteString(open)
	switch {
	case len(parts) == 0:
	case !lines && size+len(indent) <= oneLine:
		for i, p := range parts {
			if i > 0 {
				b.WriteString(", ")
			} else if p.name != "" {
				b.WriteByte(' ')
			}
			if p.name != "" {
				b.WriteString(p.name + " = ")
			}
			b.WriteString(p.value)
		}
		if parts[0].name != "" {
			b.WriteByte(' ')
		}
	default:
		for _, p := range parts {
			b.WriteString("\n" + indent + "  ")
			if p.name != "" {
				b.WriteString(p.name + strings.Repeat(" ", longest-utf8.RuneCountInString(p.name)) + " = ")
			}
			b.WriteString(p.value)
			if open == "[" {
				b.WriteByte(',')
			}
		}
		b.WriteString("\n" + indent)
	}
	b.WriteString(end)
}

// Quote writes text as the language does, with everything escaped that would not show.
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i, r := range s {
		switch {
		case r == '"', r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case (r == '$' || r == '%') && strings.HasPrefix(s[i+1:], "{"):
			b.WriteRune(r)
			b.WriteRune(r)
		case !unicode.IsPrint(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// ShowType writes the type of a value as type expressions are written. Of a sensitive value it shows no more than a
// simple type: the names in an object may be made of a secret.
func ShowType(v cty.Value) string { return TypeText(seenType(v)) }

func seenType(v cty.Value) cty.Type {
	t := v.Type()
	switch {
	case v.IsMarked() && !t.IsPrimitiveType() && !t.Equals(ArtifactType):
		return cty.DynamicPseudoType
	case v.IsMarked() || !v.ContainsMarked() || !v.IsKnown() || v.IsNull():
	case t.IsObjectType():
		types := map[string]cty.Type{}
		for name, member := range v.AsValueMap() {
			types[name] = seenType(member)
		}
		return cty.Object(types)
	case t.IsTupleType():
		var types []cty.Type
		for _, e := range v.AsValueSlice() {
			types = append(types, seenType(e))
		}
		return cty.Tuple(types)
	case !t.ElementType().IsPrimitiveType(): // of a list or a map
		return cty.DynamicPseudoType
	}
	return t
}
