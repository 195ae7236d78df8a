#!/usr/bin/env python3
"""Opens a page in headless Chromium and tells what a reader would see of it.

usage: browser.py PAGE WIDTH light|dark|print [SCREENSHOT.png]

Prints JSON: how wide the page is against the window, which texts of drawings reach out of their
drawing or lie on each other, which requests the page has made, which errors the browser has told.
It speaks the browser's own protocol over pipes, so no further package is needed; status 3 where
there is no browser.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile

NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome", "headless-shell"]

PROBE = r"""
(() => {
  const out = { wide: document.documentElement.scrollWidth, window: innerWidth, outside: [], overlaps: [], clipped: [] };
  const near = 1.5;
  for (const details of document.querySelectorAll("details")) details.open = true;
  out.wide = document.documentElement.scrollWidth;
  const seen = [];
  for (const text of document.querySelectorAll("svg text")) {
    const box = text.getBoundingClientRect();
    if (!box.width) continue;
    let svg = text.ownerSVGElement;
    while (svg.ownerSVGElement) svg = svg.ownerSVGElement;
    const frame = svg.getBoundingClientRect();
    if (box.left < frame.left - 7 || box.right > frame.right + 7 || box.top < frame.top - near || box.bottom > frame.bottom + near)
      out.outside.push(text.textContent.slice(0, 60));
    if (text.textContent.length < 3) continue;
    for (const [other, words, owner] of seen)
      if (owner === svg && other.left < box.right - near && box.left < other.right - near &&
          other.top < box.bottom - 4 && box.top < other.bottom - 4)
        out.overlaps.push(words + " | " + text.textContent.slice(0, 40));
    seen.push([box, text.textContent.slice(0, 40), svg]);
  }
  for (const part of document.querySelectorAll("section, .group, .user, .tile, td, li, h1, p, summary")) {
    if (part.closest(".scroll")) continue;
    if (part.scrollWidth > part.clientWidth + 1 && part.clientWidth > 0 && getComputedStyle(part).display !== "inline")
      out.clipped.push(part.tagName + "." + part.className + " " + part.textContent.slice(0, 60));
  }
  out.scripts = document.scripts.length;
  out.sections = [...document.querySelectorAll("section")].map((part) => part.id);
  return JSON.stringify(out);
})()
"""


class Browser:
    def __init__(self, program, profile):
        to_browser, self.write = os.pipe()
        self.read, from_browser = os.pipe()
        keep = [os.dup(to_browser), os.dup(from_browser)]

        def hand_over():
            os.dup2(keep[0], 3)
            os.dup2(keep[1], 4)

        words = [program, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
                 "--user-data-dir=" + profile, "--remote-debugging-pipe", "about:blank"]
        self.process = subprocess.Popen(words, preexec_fn=hand_over, close_fds=False, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for fd in [to_browser, from_browser, *keep]:
            os.close(fd)
        self.number, self.rest, self.events, self.session = 0, b"", [], None

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.read, 1 << 20)
            if not more:
                sys.exit("the browser has ended")
            self.rest += more
        text, self.rest = self.rest.split(b"\0", 1)
        return json.loads(text)

    def ask(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.write, json.dumps(request).encode() + b"\0")
        while True:
            answer = self.message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())

    def close(self):
        self.session = None
        self.ask("Browser.close")
        self.process.wait(20)


def look(program, page, width, look, shot):
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        browser.session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ["Page", "Network", "Log", "Runtime"]:
            browser.ask(domain + ".enable")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1 if width > 700 else 2, "mobile": width < 700}
        browser.ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if look == "dark" else "light"}
        browser.ask("Emulation.setEmulatedMedia", media="print" if look == "print" else "", features=[scheme])
        browser.ask("Page.navigate", url="file://" + os.path.abspath(page))
        browser.wait("Page.loadEventFired")
        if shot:
            height = browser.ask("Page.getLayoutMetrics")["cssContentSize"]["height"]
            clip = {"x": 0, "y": 0, "width": width, "height": min(height, 8000), "scale": 1}
            data = browser.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
            with open(shot, "wb") as file:
                file.write(base64.b64decode(data))
        found = json.loads(browser.ask("Runtime.evaluate", expression=PROBE)["result"]["value"])
        found["requests"] = [event["params"]["request"]["url"] for event in browser.events
                             if event.get("method") == "Network.requestWillBeSent"]
        found["errors"] = [event["params"]["entry"]["text"] for event in browser.events
                           if event.get("method") == "Log.entryAdded"]
        browser.close()
        return found


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if not program:
        print("no browser", file=sys.stderr)
        sys.exit(3)
    shot = sys.argv[4] if len(sys.argv) > 4 else None
    print(json.dumps(look(program, sys.argv[1], int(sys.argv[2]), sys.argv[3], shot)))


main()
