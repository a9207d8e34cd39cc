// Package apitest starts an API server in memory for the tests of its clients:
// the real one, over a store in memory, where everybody may do everything.
//
//	server := apitest.Start(t)          // ends with the test
//	c := server.Client(t)               // in memory
//	apitest.Run(t, controller.Run)      // ended and awaited before the server
//	(&apitest.Kubelet{}).Run(t, c)       // pods become ready, and end
//
// It works in testing/synctest bubbles. It is here and not in a component, since
// components do not import each other, and only tests import it.
package apitest
