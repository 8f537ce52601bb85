package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) cacheCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cache",
		Short: "Results that are kept for later runs",
		Long: "Results of nodes with a cache block are kept by what went in: a later run with the same inputs takes them. These\n" +
			"commands list them and let them go.",
	}
	ls := &cobra.Command{
		Use: "ls", Short: "List the results that are kept, the one used last first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				l, err := s.Cache(c.Context())
				if err != nil {
					return err
				}
				return p.showCache(l, "no results are kept; a node's cache block keeps them")
			})
		},
	}
	rm := &cobra.Command{
		Use: "rm KEY...", Short: "Forget results, by their keys or unique beginnings of them", Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				for _, key := range args {
					l, err := s.CacheRemove(c.Context(), key)
					if err != nil {
						return err
					}
					tellGone(l)
				}
				return nil
			})
		},
	}
	var limit string
	var all bool
	gc := &cobra.Command{
		Use: "gc", Short: "Forget the results that were used longest ago", Args: cobra.NoArgs,
		Long: "Forgets results until the rest takes at most --limit bytes with its artifacts (a fifth of the disk unless said\n" +
			"otherwise, as spinbot serve does by itself), or all of them with --all. The artifacts themselves go when nothing\n" +
			"names them any more.",
		Example: "  spinbot cache gc --limit 20GiB",
		RunE:    func(c *cobra.Command, _ []string) error { return p.cacheGC(c.Context(), limit, all) },
	}
	gc.Flags().StringVar(&limit, "limit", "", "how much may stay, such as 20GiB (default: a fifth of the disk)")
	gc.Flags().BoolVar(&all, "all", false, "forget everything")
	for _, sub := range []*cobra.Command{ls, gc} {
		p.jsonFlag(sub)
	}
	c.AddCommand(ls, rm, gc)
	return c
}

func (p *program) cacheGC(ctx context.Context, limit string, all bool) error {
	g := client.CacheGC{All: all}
	if limit != "" {
		n, err := sdk.ParseBytes(limit)
		if err != nil || n <= 0 {
			return usage("say how much may stay, such as --limit 20GiB, or --all")
		}
		g.Limit = n
	}
	return p.with(ctx, func(s *session) error {
		l, err := s.CacheGC(ctx, g)
		if err != nil {
			return err
		}
		if p.json {
			return printJSON(l)
		}
		tellGone(l)
		return nil
	})
}

func tellGone(l client.CacheList) {
	size := int64(0)
	for _, e := range l.Results {
		size += e.Size
	}
	warn("forgot %d results of %s", len(l.Results), sdk.FormatSize(size))
}

func (p *program) showCache(l client.CacheList, none string) error {
	if p.json {
		return printJSON(l)
	}
	if len(l.Results) == 0 {
		warn("%s", none)
		return nil
	}
	style := styleOf(os.Stdout)
	var rows [][]cell
	total := int64(0)
	for _, e := range l.Results {
		total += e.Size
		rows = append(rows, []cell{plain(e.Key[:12]), plain(e.Type), plain(sdk.FormatSize(e.Size)), plain(ago(e.Used, time.Now())), {e.Source, style.Dim}})
	}
	table(os.Stdout, style, []string{"KEY", "TYPE", "SIZE", "USED", "FROM"}, rows)
	fmt.Println(style.Dim(fmt.Sprintf("%d results, %s", len(l.Results), sdk.FormatSize(total))))
	return nil
}
