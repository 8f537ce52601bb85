package main

import (
	"cmp"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) usersCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "users",
		Short: "Say what people may do who sign in elsewhere",
		Long: "People who sign in with the provider of spinbot.hcl (auth { oidc { … } }) have the role that it gives them. What is said of a\n" +
			"user here takes its place at once, also where they are signed in already. Tokens have roles of their own.",
	}
	c.AddCommand(p.listUsersCommand(), p.addUserCommand(), p.userRoleCommand(), p.removeUserCommand())
	return c
}

func (p *program) listUsersCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List the users of whom something is said", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				list, err := s.Users(c.Context())
				if err != nil {
					return err
				}
				if p.json {
					return printJSON(list)
				}
				if len(list.Users) == 0 {
					warn("nothing is said of any user: the provider says who may do what")
					return nil
				}
				now := time.Now()
				var rows [][]cell
				for _, u := range list.Users {
					rows = append(rows, []cell{plain(u.Name), plain(roleOf(u)), plain(u.Subject), plain(ago(u.Created, now))})
				}
				table(os.Stdout, styleOf(os.Stdout), []string{"NAME", "ROLE", "SUBJECT", "MADE"}, rows)
				return nil
			})
		},
	}
	p.jsonFlag(c)
	return c
}

// byProvider is what is written for the role of a user whose provider says it.
const byProvider = "provider"

func roleOf(u client.User) string { return cmp.Or(u.Role, byProvider) }

func written(role string) string {
	if role == byProvider {
		return ""
	}
	return role
}

func (p *program) addUserCommand() *cobra.Command {
	var n client.NewUser
	c := &cobra.Command{
		Use: "add NAME", Short: "Say something of a user", Args: cobra.ExactArgs(1),
		Example: "  spinbot users add anna --role admin --subject 248289761001",
		RunE: func(c *cobra.Command, args []string) error {
			n.Name, n.Role = args[0], written(n.Role)
			return p.with(c.Context(), func(s *session) error {
				u, err := s.AddUser(c.Context(), n)
				if err == nil {
					warn("%s: %s", u.Name, roleOf(u))
				}
				return err
			})
		},
	}
	c.Flags().StringVar(&n.Role, "role", byProvider, "viewer, operator, admin, none to keep them out, or provider: as that says")
	c.Flags().StringVar(&n.Subject, "subject", "", "what the provider knows them by, so that nobody else takes the name there")
	return c
}

func (p *program) userRoleCommand() *cobra.Command {
	return &cobra.Command{
		Use: "role NAME ROLE", Short: "Change a user's role: viewer, operator, admin, none to keep them out, or provider", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				u, err := s.SetRole(c.Context(), args[0], written(args[1]))
				if err == nil {
					warn("%s: %s", u.Name, roleOf(u))
				}
				return err
			})
		},
	}
}

func (p *program) removeUserCommand() *cobra.Command {
	return &cobra.Command{
		Use: "remove NAME", Short: "Say nothing of a user any more, and end their sessions", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return p.with(c.Context(), func(s *session) error {
				u, err := s.RemoveUser(c.Context(), args[0])
				if err == nil {
					warn("%s is signed out; the provider may let them in again: spinbot users add %s --role none keeps them out", u.Name, u.Name)
				}
				return err
			})
		},
	}
}
