package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) tokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke API tokens",
		Long: "As long as there is no token, the host listens on loopback only, and whoever reaches it there may make runs. With the first\n" +
			"token everybody has to sign in with one, pages in browsers too, and the host may listen on other addresses.\n\n" +
			"A viewer sees everything but secrets; an operator makes runs and steers them; an admin changes the host.",
	}
	c.AddCommand(p.newTokenCommand(), p.listTokensCommand(), p.revokeTokenCommand())
	return c
}

func (p *program) newTokenCommand() *cobra.Command {
	var n client.NewToken
	var expires string
	c := &cobra.Command{
		Use: "new NAME", Short: "Make a token; what is printed is shown only now", Args: cobra.ExactArgs(1),
		Example: "  spinbot token new laptop --role operator --expires 90d",
		RunE: func(c *cobra.Command, args []string) error {
			if expires != "" {
				d, err := sdk.ParseDuration(expires)
				if err != nil || d < time.Second {
					return usage("--expires %s: write it like 90d or 12h", expires)
				}
				n.Seconds = int64(d / time.Second)
			}
			n.Name = args[0]
			return p.with(c.Context(), func(s *session) error {
				t, err := s.NewToken(c.Context(), n)
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(map[string]any{"version": client.ShapeVersion, "token": t})
				}
				fmt.Println(t.Text)
				warn("keep it like a password: it is not shown again. It is %s's, as %s; its id is %s", t.User, t.Role, t.ID)
				return nil
			})
		},
	}
	c.Flags().StringVar(&n.Role, "role", "operator", "what it is good for: viewer, operator or admin")
	c.Flags().StringVar(&n.User, "user", "", "whose it is (default: its name)")
	c.Flags().StringVar(&expires, "expires", "", "how long it is good, such as 90d (default: until it is revoked)")
	p.jsonFlag(c)
	return c
}

func (p *program) listTokensCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the tokens", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				list, err := s.Tokens(c.Context())
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(list)
				}
				if len(list.Tokens) == 0 {
					warn("no tokens; whoever reaches the host on loopback may make runs")
					return nil
				}
				style, now := styleOf(os.Stdout), time.Now()
				var rows [][]cell
				for _, t := range list.Tokens {
					used, expires := "never", "never"
					if t.Used != nil {
						used = ago(*t.Used, now)
					}
					if t.Expires != nil {
						expires = t.Expires.Local().Format("2006-01-02 15:04")
						if !now.Before(*t.Expires) {
							expires = "has expired"
						}
					}
					rows = append(rows, []cell{plain(t.ID), plain(t.Name), plain(t.User), plain(t.Role), plain(ago(t.Created, now)), plain(used), plain(expires)})
				}
				table(os.Stdout, style, []string{"ID", "NAME", "USER", "ROLE", "MADE", "USED", "EXPIRES"}, rows)
				return nil
			})
		},
	}
	p.jsonFlag(c)
	return c
}

func (p *program) revokeTokenCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke TOKEN", Short: "End a token, by its id or its name, and the sessions that were begun with it", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				t, err := s.RevokeToken(c.Context(), args[0])
				if err == nil {
					warn("token %s of %s is good for nothing any more", t.Name, t.User)
				}
				return err
			})
		},
	}
}

func (p *program) auditCommand() *cobra.Command {
	var q client.DeedQuery
	var since string
	c := &cobra.Command{
		Use: "audit", Short: "Show what was changed over the API, and by whom, the newest first", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if q.Since, err = whenOf(since, time.Now()); err != nil {
				return usage("--since %v", err)
			}
			return p.with(c.Context(), func(s *session) error {
				list, err := s.Audit(c.Context(), q)
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(list)
				}
				var rows [][]cell
				for _, d := range list.Deeds {
					rows = append(rows, []cell{plain(d.At.Local().Format(time.DateTime)), plain(d.User), plain(d.Address), plain(d.What), plain(d.On), plain(fmt.Sprint(d.Status))})
				}
				table(os.Stdout, styleOf(os.Stdout), []string{"WHEN", "WHO", "FROM", "WHAT", "ON", "STATUS"}, rows)
				return nil
			})
		},
	}
	c.Flags().StringVar(&q.User, "user", "", "only of this user")
	c.Flags().StringVar(&q.What, "what", "", "only this operation, such as submit-run")
	c.Flags().StringVar(&since, "since", "", "only then or later: a time ago such as 12h, a day, or a moment")
	c.Flags().IntVar(&q.Limit, "limit", 50, "how many")
	p.jsonFlag(c)
	return c
}
