package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) queueCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "queue",
		Short: "Show which runs and tasks wait, and why; pause, resume or clear the queue",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				q, err := s.Queue(c.Context(), limit)
				if err != nil {
					return err
				}
				return p.showQueue(q)
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", 0, "most runs to show")
	p.jsonFlag(c)
	for what, short := range map[string]string{
		"pause": "Let nothing leave the queue; runs that are under way go on", "resume": "Let the queue go on", "clear": "Cancel every run that waits in the queue",
	} {
		sub := &cobra.Command{Use: what, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
			return p.with(c.Context(), func(s *session) error {
				q, err := s.TellQueue(c.Context(), what)
				if err != nil {
					return err
				}
				return p.showQueue(q)
			})
		}}
		p.jsonFlag(sub)
		c.AddCommand(sub)
	}
	c.AddCommand(p.queueNextCommand(), p.queueMoveCommand())
	return c
}

func (p *program) queueNextCommand() *cobra.Command {
	c := &cobra.Command{Use: "next RUN", Short: "Put a run that waits before all others", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return p.with(c.Context(), func(s *session) error {
			q, err := s.NextInQueue(c.Context(), args[0])
			if err != nil {
				return err
			}
			return p.showQueue(q)
		})
	}}
	p.jsonFlag(c)
	return c
}

func (p *program) queueMoveCommand() *cobra.Command {
	var m client.MoveRun
	c := &cobra.Command{
		Use: "move RUN", Short: "Put a run that waits right before another one, or right after it", Args: cobra.ExactArgs(1),
		Long:    "Puts a run that waits right before another one, or right after it. It gets the priority of that one.",
		Example: "  spinbot queue move last --before run_01J",
		RunE: func(c *cobra.Command, args []string) error {
			if m.Run = args[0]; (m.Before == "") == (m.After == "") {
				return usage("say where %s goes: --before RUN, or --after RUN", m.Run)
			}
			return p.with(c.Context(), func(s *session) error {
				q, err := s.MoveInQueue(c.Context(), m)
				if err != nil {
					return err
				}
				return p.showQueue(q)
			})
		},
	}
	c.Flags().StringVar(&m.Before, "before", "", "the run that it goes before")
	c.Flags().StringVar(&m.After, "after", "", "the run that it goes after")
	p.jsonFlag(c)
	return c
}

func (p *program) showQueue(q client.Queue) error {
	if p.json {
		return printJSON(q)
	}
	style := styleOf(os.Stdout)
	var rows [][]cell
	for _, r := range q.Runs {
		rows = append(rows, []cell{plain(r.Run), plain(strconv.Itoa(r.Priority)), {r.Why, style.Dim}})
	}
	if len(rows) > 0 {
		table(os.Stdout, style, []string{"RUN", "PRIORITY", "WHY"}, rows)
	}
	if len(q.Tasks) > 0 {
		rows = nil
		for _, t := range q.Tasks {
			rows = append(rows, []cell{plain(t.At), {t.Why, style.Dim}})
		}
		table(os.Stdout, style, []string{"TASK", "WHY IT WAITS"}, rows)
	}
	text := counted(q.Total, "run waits", "runs wait")
	if q.TasksTotal > 0 {
		text += ", " + counted(q.TasksTotal, "task waits for devices", "tasks wait for devices")
	}
	if q.Paused {
		text += "; the queue is paused: spinbot queue resume lets it go on"
	}
	if q.Unread > 0 {
		text += fmt.Sprintf("; %d more have not been read back: spinbot serve does it when it starts", q.Unread)
	}
	fmt.Println(style.Dim(text))
	if q.Held != "" {
		fmt.Println(style.Bad("no new work begins: ") + q.Held)
	}
	return nil
}

func (p *program) priorityCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "priority RUN NUMBER",
		Short:   "Change a run's priority: higher goes first",
		Long:    "Changes a run's priority, from -1000 to 1000: its place in the queue, and whose tasks go first once it goes on.",
		Example: "  spinbot priority last 10",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := strconv.Atoi(args[1])
			if err != nil || n < -1000 || n > 1000 {
				return usage("%q is no priority; write a number from -1000 to 1000", args[1])
			}
			return p.tellRun(c.Context(), args[0], client.WordPrioritize, client.Word{Priority: n}, "priority "+args[1]+" for")
		},
	}
	p.jsonFlag(c)
	return c
}
