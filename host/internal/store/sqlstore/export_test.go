package sqlstore

import "context"

// Note notes what is fresh, without resting.
func (s *Store) Note() error {
	for more := true; more; {
		err := s.do(context.Background(), func() (err error) {
			more, err = s.w.noteSome()
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Fresh says how many runs are not noted.
func (s *Store) Fresh() (n int, err error) {
	err = s.read.QueryRow("SELECT count(*) FROM runs WHERE listed AND NOT noted").Scan(&n)
	return n, err
}
