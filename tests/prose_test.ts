/**
 * What the prose promises: its links, its commands and its program.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const root = new URL("../", import.meta.url);

function read(path: string): string {
  return Deno.readTextFileSync(new URL(path, root));
}

function prose(): string[] {
  const inFolder = (folder: string) =>
    [...Deno.readDirSync(new URL(folder, root))].filter(({ name }) => name.endsWith(".md")).map(({ name }) => folder + name);
  return ["./", "docs/", "tests/"].flatMap(inFolder);
}

/** What relative links of a page lead to and is not there. */
function deadLinks(page: string, text: string): string[] {
  const targets = [...text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target).filter((target) => !/^[a-z]+:/.test(target));
  return targets.filter((target) => !exists(new URL(target, new URL(page, root))));
}

/** Headings of the same page that links name and that are not there. */
function deadAnchors(text: string): string[] {
  const slugs = [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading.toLowerCase().replaceAll(/[^\w\s-]/g, "").replaceAll(/\s/g, "-")
  );
  return [...text.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor).filter((anchor) => !slugs.includes(anchor));
}

function exists(url: URL): boolean {
  try {
    Deno.statSync(url);
    return true;
  } catch {
    return false;
  }
}

/** Tasks that a text names and `deno.json` has not. */
function unknownTasks(text: string): string[] {
  const tasks = JSON.parse(read("deno.json")).tasks;
  return [...text.matchAll(/\bdeno(?:@[\d.]+)? task ([\w:]+)/g)].map(([, task]) => task).filter((task) => !(task in tasks));
}

Deno.test("Links in the prose lead somewhere", () => {
  assertEquals(deadLinks("docs/x.md", "[a](../README.md#top) [b](missing.md) [c](https://example.com/)"), ["missing.md"]);
  assertEquals(deadAnchors("## `A` heading\n\n[a](#a-heading) [b](#missing) [c](other.md#missing)"), ["missing"]);
  for (const page of ["./README.md", "docs/decisions.md", "tests/README.md"]) assert(prose().includes(page), page);
  for (const page of prose()) assertEquals([...deadLinks(page, read(page)), ...deadAnchors(read(page))], [], page);
});

Deno.test("Commands in the prose are tasks", () => {
  assertEquals(unknownTasks("run `deno task test` or npx --yes deno@2.9.6 task missing:one"), ["missing:one"]);
  for (const page of prose()) assertEquals(unknownTasks(read(page)), [], page);
});

Deno.test("The README's commands are the ones that CI runs", () => {
  for (const command of ["npx --yes deno@2.9.6 task test", "npx --yes deno@2.9.6 task demo"]) {
    assertStringIncludes(read("README.md"), `\n${command}\n`);
    assertStringIncludes(read(".ci/run"), ` ${command} `);
  }
});

Deno.test("The README names every example", () => {
  const names = ["examples/", "examples/patterns/"].flatMap((folder) =>
    [...Deno.readDirSync(new URL(folder, root))].map(({ name }) => folder + name).filter((path) => path.endsWith(".ts"))
  );
  const programs = names.filter((path) => read(path).startsWith("#!"));
  assert(programs.length > 5);
  assertEquals(programs.filter((path) => !read("README.md").includes(`](${path})`)), []);
});

Deno.test("The README's program is examples/echo.ts", () => {
  assertStringIncludes(read("README.md"), "```ts ignore\n" + read("examples/echo.ts") + "```");
});
