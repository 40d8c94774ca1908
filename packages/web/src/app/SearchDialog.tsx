import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { addressOf } from "../address/query-state.ts";
import { graphql } from "../api/client.ts";
import { useProjects } from "../home/projects.ts";
import { t } from "../i18n/index.ts";
import { escapePattern } from "../runs/pattern.ts";
import { Dialog } from "../ui/controls.tsx";
import { SearchField } from "../ui/SearchField.tsx";

interface Found {
  label: string;
  hint: string;
  href: string;
}

/** Projects of the viewer's entities by name; with a project open, its runs too. */
export function SearchDialog({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const [path, navigate] = useLocation();
  const [entity, project] = path.split("/").filter(Boolean).map(decodeURIComponent);
  const projects = useProjects();
  const runs = useQuery({
    queryKey: ["search-runs", entity, project, text],
    enabled: Boolean(entity && project && text),
    queryFn: async ({ signal }) => {
      const { project: found } = await graphql<{
        project: { runs: { edges: { node: { name: string; displayName: string } }[] } } | null;
      }>(
        `query SearchRuns($entity: String, $project: String, $filters: JSONString) {
          project(name: $project, entityName: $entity) { runs(filters: $filters, first: 20) { edges { node { name displayName } } } }
        }`,
        {
          entity,
          project,
          filters: JSON.stringify({
            $or: [
              { displayName: { $regex: `(?i)${escapePattern(text)}` } },
              { name: { $regex: `(?i)${escapePattern(text)}` } },
            ],
          }),
        },
        signal,
      );
      return found?.runs.edges.map(({ node }) => node) ?? [];
    },
  });
  const found: Found[] = [
    ...(runs.data ?? []).map((run) => ({
      label: run.displayName,
      hint: run.name,
      href: addressOf.run(entity ?? "", project ?? "", run.name),
    })),
    ...(projects.data ?? [])
      .filter(({ name, entityName }) => `${entityName}/${name}`.toLowerCase().includes(text.toLowerCase()))
      .slice(0, 20)
      .map(({ name, entityName }) => ({
        label: name,
        hint: entityName,
        href: addressOf.project(entityName, name),
      })),
  ];
  const open = (href: string) => {
    onClose();
    navigate(href);
  };
  return (
    <Dialog title={t("nav.search")} onClose={onClose}>
      <div className="palette">
        <SearchField
          autoFocus
          label={t("nav.search")}
          value={text}
          onText={setText}
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.nativeEvent.isComposing && found[0]) open(found[0].href);
          }}
        />
        <div className="results">
          {found.map(({ label, hint, href }) => (
            <button
              key={href}
              type="button"
              className="button quiet"
              style={{ width: "100%", justifyContent: "space-between" }}
              onClick={() => open(href)}
            >
              <span>{label}</span>
              <span className="muted mono">{hint}</span>
            </button>
          ))}
          {found.length === 0 && (
            <p className="muted" style={{ padding: 12 }}>
              {t("nav.search.none")}
            </p>
          )}
        </div>
      </div>
    </Dialog>
  );
}
