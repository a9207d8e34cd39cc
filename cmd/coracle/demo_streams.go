package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// talk types at a pod through a terminal, as a person does.
func (d *demonstration) talk(ctx context.Context, pod string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	terminal, err := openTerminal()
	if err != nil {
		return err
	}
	defer terminal.Close()
	cmd := d.kube.command(ctx, "exec", "-it", pod, "--", "/app/app", "talk")
	if err := terminal.start(cmd); err != nil {
		return err
	}
	defer func() {
		cancel()
		_ = cmd.Wait()
	}()
	lines := bufio.NewScanner(terminal)
	for _, turn := range []struct{ expect, answer string }{
		{"terminal: true", "ahoy"},
		{"you said: ahoy", "bye"},
	} {
		if err := readUntil(lines, turn.expect); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(terminal, "%s\r", turn.answer); err != nil {
			return err
		}
	}
	// The terminal closes when the program ends; reading on lets it.
	for lines.Scan() {
	}
	return cmd.Wait()
}

func readUntil(lines *bufio.Scanner, text string) error {
	var seen []string
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return nil
		}
		seen = append(seen, lines.Text())
	}
	return fmt.Errorf("expected %q, saw %q", text, seen)
}

// forward reaches the application through kubectl's tunnel.
func (d *demonstration) forward(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	cmd := d.kube.command(ctx, "port-forward", "service/demo", ":80")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		cancel()
		_ = cmd.Wait()
	}()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		// Forwarding from 127.0.0.1:40123 -> 8080
		words := strings.Fields(lines.Text())
		if len(words) > 2 && strings.HasPrefix(words[2], "127.0.0.1:") {
			return fetch(ctx, "http://"+words[2])
		}
	}
	return errors.New("kubectl port-forward said nothing of a port")
}

func fetch(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	once := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := once.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && !strings.Contains(string(body), `"version":"v2"`) {
		err = fmt.Errorf("%s answered %s: %s", url, resp.Status, body)
	}
	return err
}
