package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) assetsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "assets",
		Short: "The library: voices, faces, LoRAs, styles and prompts under names of their own",
		Long: "An asset is a name for a file, in versions: a pipeline says asset(\"voice/anna\") for the newest one, or asset(\"voice/anna@3\").\n" +
			"Its kind is voice, face, lora, style or prompt. Before a voice or a face is used, it has to be recorded who gave consent.",
	}
	c.AddCommand(p.listAssetsCommand(), p.showAssetCommand(), p.addAssetCommand(), p.editAssetCommand(), p.removeAssetCommand())
	return c
}

func (p *program) listAssetsCommand() *cobra.Command {
	var q client.AssetQuery
	c := &cobra.Command{
		Use: "ls", Short: "List the assets, with the newest version of each", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				l, err := s.Assets(c.Context(), q)
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(l)
				}
				if len(l.Assets) == 0 {
					warn("there are no such assets; spinbot assets add voice/anna anna.wav makes one")
					return nil
				}
				style, now := styleOf(os.Stdout), time.Now()
				var rows [][]cell
				for _, a := range l.Assets {
					v := a.Versions[0]
					rows = append(rows, []cell{{a.Kind + "/" + a.Name, style.Bold}, plain(fmt.Sprint(v.Number)), plain(v.Artifact.MediaType), plain(sdk.FormatSize(v.Artifact.Size)),
						plain(licenceText(v.Licence)), plain(consentText(a.Kind, v)), plain(ago(v.Created, now))})
				}
				table(os.Stdout, style, []string{"ASSET", "VERSION", "TYPE", "SIZE", "LICENCE", "CONSENT", "ADDED"}, rows)
				return nil
			})
		},
	}
	c.Flags().StringVar(&q.Kind, "kind", "", "of this kind alone")
	c.Flags().StringVar(&q.Text, "search", "", "with this `text` in the name, the note or the licence")
	p.jsonFlag(c)
	return c
}

func licenceText(l client.AssetLicence) string {
	switch text := cmp.Or(l.ID, "unknown"); l.Commercial {
	case string(asset.No):
		return text + ", not commercial"
	case string(asset.Yes):
		return text + ", commercial too"
	default:
		return text
	}
}

func consentText(kind string, v client.AssetVersion) string {
	switch {
	case v.Consent != nil:
		return v.Consent.By + ", " + v.Consent.On
	case asset.Kind(kind).NeedsConsent():
		return "missing"
	}
	return "-"
}

func (p *program) showAssetCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "show ASSET", Short: "Show an asset with all its versions", Args: cobra.ExactArgs(1), Example: "  spinbot assets show voice/anna",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := assetRef(args[0])
			if err != nil {
				return err
			}
			return p.with(c.Context(), func(s *session) error {
				a, err := s.Asset(c.Context(), string(r.Kind), r.Name)
				if err != nil {
					return err
				}
				return p.showAsset(a, r.Version)
			})
		},
	}
	p.jsonFlag(c)
	return c
}

func assetRef(text string) (asset.Ref, error) {
	r, err := asset.ParseRef(text)
	if err != nil {
		return r, usage("%s", err)
	}
	return r, nil
}

// showAsset shows all versions, or the one with this number.
func (p *program) showAsset(a client.Asset, number int) error {
	if p.json {
		return printJSON(a)
	}
	style := styleOf(os.Stdout)
	for _, v := range a.Versions {
		if number != 0 && number != v.Number {
			continue
		}
		fmt.Printf("%s  %s, %s, %s\n", style.Bold(fmt.Sprintf("%s/%s@%d", a.Kind, a.Name, v.Number)), v.Artifact.Name, v.Artifact.MediaType, sdk.FormatSize(v.Artifact.Size))
		fmt.Println("  " + v.Artifact.Digest)
		for _, line := range [][2]string{{"note", v.Note}, {"licence", licenceText(v.Licence)}, {"made by", v.Made},
			{"added", v.Created.Local().Format("2 Jan 2006 15:04") + by(v.Creator)}} {
			if line[1] != "" {
				fmt.Printf("  %s: %s\n", line[0], line[1])
			}
		}
		for _, from := range v.From {
			fmt.Printf("  made of: %s, %s\n", from.Name, licenceText(from.Licence))
		}
		if x := v.Consent; x != nil {
			fmt.Printf("  consent: %s, %s, for %s\n", x.By, x.On, x.For)
		}
		if v.Refused != "" {
			fmt.Printf("  %s\n  %s\n", style.Bad(v.Refused), v.Fix)
		}
	}
	return nil
}

func by(name string) string {
	if name == "" {
		return ""
	}
	return " by " + name
}

// assetFlags are what is said of a version.
type assetFlags struct {
	note, licence, commercial, by, on, purpose, thumbnail string
}

func (f *assetFlags) add(c *cobra.Command) {
	s := c.Flags()
	s.StringVar(&f.note, "note", "", "what it is, in a few words")
	s.StringVar(&f.licence, "licence", "", "the `id` of its licence, of SPDX or in your own words: CC-BY-4.0")
	s.StringVar(&f.commercial, "commercial", "", "whether the licence allows commercial use: yes, no or unknown")
	s.StringVar(&f.by, "consent-by", "", "the `name` of who agreed to the use of their voice or face")
	s.StringVar(&f.on, "consent-on", "", "the `day` on which they did, such as 2026-11-27 (default: today)")
	s.StringVar(&f.purpose, "consent-for", "", "what they agreed to")
	s.StringVar(&f.thumbnail, "thumbnail", "", "a picture of it, a `file`; an empty one takes it away")
}

func (f *assetFlags) consent() *client.AssetConsent {
	if f.by == "" && f.purpose == "" && f.on == "" {
		return nil
	}
	return &client.AssetConsent{By: f.by, On: cmp.Or(f.on, time.Now().Format(time.DateOnly)), For: f.purpose}
}

func (f *assetFlags) picture(ctx context.Context, s *session) (*sdk.Artifact, error) {
	if f.thumbnail == "" {
		return nil, nil
	}
	a, err := uploadFile(ctx, s, f.thumbnail)
	return &a, err
}

func (p *program) addAssetCommand() *cobra.Command {
	var f assetFlags
	c := &cobra.Command{
		Use: "add ASSET FILE", Short: "Add a version to an asset, or make the asset", Args: cobra.ExactArgs(2),
		Long: "FILE is uploaded; or it is the digest of an artifact that the host has, sha256:…, such as one that a run made. Nothing is\n" +
			"taken over from the version before, neither licence nor consent.",
		Example: "  spinbot assets add voice/anna anna.wav --consent-by 'Anna Berg' --consent-for 'the film Shop' --licence 'by agreement' --commercial yes\n" +
			"  spinbot assets add lora/ink sha256:… --licence CC-BY-NC-4.0 --commercial no",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := assetRef(args[0])
			if err == nil && r.Version != 0 {
				err = usage("the host numbers the versions: write %s/%s", r.Kind, r.Name)
			}
			if err != nil {
				return err
			}
			return p.with(c.Context(), func(s *session) error {
				n := client.NewAssetVersion{Note: f.note, Licence: client.AssetLicence{ID: f.licence, Commercial: f.commercial}, Consent: f.consent()}
				if n.Artifact, err = assetFile(c.Context(), s, args[1]); err != nil {
					return err
				}
				if n.Thumbnail, err = f.picture(c.Context(), s); err != nil {
					return err
				}
				a, err := s.AddAsset(c.Context(), string(r.Kind), r.Name, n)
				if err != nil {
					return err
				}
				return p.showAsset(a, a.Versions[0].Number)
			})
		},
	}
	f.add(c)
	p.jsonFlag(c)
	return c
}

// assetFile uploads a file, or finds out what the host knows of a digest.
func assetFile(ctx context.Context, s *session, file string) (sdk.Artifact, error) {
	if !strings.HasPrefix(file, "sha256:") {
		return uploadFile(ctx, s, file)
	}
	info, err := s.ArtifactInfo(ctx, file)
	if err != nil {
		return sdk.Artifact{}, err
	}
	a := sdk.Artifact{Digest: info.Digest, MediaType: info.MediaType, Size: info.Size}
	if len(info.Names) > 0 {
		a.Name = info.Names[0]
	}
	return a, nil
}

func (p *program) editAssetCommand() *cobra.Command {
	var f assetFlags
	var withdraw bool
	c := &cobra.Command{
		Use: "edit ASSET", Short: "Change what is said of a version: note, licence, consent, thumbnail", Args: cobra.ExactArgs(1),
		Long:    "Without a number behind an @ the newest version is meant. What is not given stays.",
		Example: "  spinbot assets edit voice/anna@2 --consent-by 'Anna Berg' --consent-for 'the film Shop'",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := assetRef(args[0])
			if err != nil {
				return err
			}
			given := c.Flags().Changed
			return p.with(c.Context(), func(s *session) error {
				a, err := s.Asset(c.Context(), string(r.Kind), r.Name)
				if err != nil {
					return err
				}
				v := a.Versions[0]
				for _, x := range a.Versions {
					if x.Number == r.Version {
						v = x
					}
				}
				if r.Version == 0 {
					r.Version = v.Number
				}
				e := client.AssetEdit{Consent: f.consent(), Withdraw: withdraw, DropThumbnail: given("thumbnail") && f.thumbnail == ""}
				if given("note") {
					e.Note = &f.note
				}
				if given("licence") || given("commercial") {
					e.Licence = &client.AssetLicence{ID: v.Licence.ID, Commercial: cmp.Or(f.commercial, v.Licence.Commercial)}
					if given("licence") {
						e.Licence.ID = f.licence
					}
				}
				if e.Thumbnail, err = f.picture(c.Context(), s); err != nil {
					return err
				}
				if a, err = s.EditAsset(c.Context(), string(r.Kind), r.Name, r.Version, e); err != nil {
					return err
				}
				return p.showAsset(a, r.Version)
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&withdraw, "withdraw-consent", false, "there is no consent any more: new runs may not use it")
	p.jsonFlag(c)
	return c
}

func (p *program) removeAssetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rm ASSET@VERSION", Short: "Remove a version; runs that used it keep it", Args: cobra.ExactArgs(1), Example: "  spinbot assets rm voice/anna@1",
		RunE: func(c *cobra.Command, args []string) error {
			r, err := assetRef(args[0])
			if err == nil && r.Version == 0 {
				err = usage("say which version: %s@1", r)
			}
			if err != nil {
				return err
			}
			return p.with(c.Context(), func(s *session) error {
				a, err := s.RemoveAsset(c.Context(), string(r.Kind), r.Name, r.Version)
				if err == nil {
					warn("%s is removed; %s/%s has %s left", r, r.Kind, r.Name, countOfVersions(a.Count))
				}
				return err
			})
		},
	}
}

func countOfVersions(n int) string {
	if n == 1 {
		return "1 version"
	}
	return fmt.Sprintf("%d versions", n)
}
