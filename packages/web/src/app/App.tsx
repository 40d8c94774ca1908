import { useQueryClient } from "@tanstack/react-query";
import { Component, type ReactNode, useEffect, useRef } from "react";
import { Redirect, Route, Router, Switch, useLocation } from "wouter";
import { BASE } from "../address/base.ts";
import { addressOf } from "../address/query-state.ts";
import { useConnected, useLive } from "../api/live.ts";
import { useSession } from "../api/session.ts";
import { t, useLanguage } from "../i18n/index.ts";
import { ErrorState, NotFound, Skeleton } from "../ui/controls.tsx";
import { Toasts } from "../ui/toast.tsx";
import {
  Authorize,
  DeviceLogin,
  Entity,
  Home,
  Login,
  OpenLink,
  Project,
  Run,
  Settings,
  SignUp,
} from "./screens.ts";
import { TopBar } from "./TopBar.tsx";
import "./app.css";

export function App() {
  useLanguage();
  return (
    <Boundary>
      <Router base={BASE}>
        <Switch>
          <Route path="/login">
            <Login />
          </Route>
          <Route path="/signup">
            <SignUp />
          </Route>
          <Route>
            <SignedIn />
          </Route>
        </Switch>
      </Router>
      <Toasts />
    </Boundary>
  );
}

function SignedIn() {
  const session = useSession();
  const [path] = useLocation();
  const content = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: at each new screen
  useEffect(() => {
    // The link that was followed is gone: the keyboard goes on from the new screen, not from the top.
    if (document.activeElement === document.body) content.current?.focus({ preventScroll: true });
  }, [path]);
  if (session.isPending) return <Skeleton lines={6} />;
  if (session.error) return <ErrorState error={session.error} retry={() => session.refetch()} />;
  const deviceCode = new URLSearchParams(window.location.search).get("code");
  const owner = decodeURIComponent(path.split("/")[1] ?? "");
  const link = session.data?.openLink;
  const visitor = session.data?.kind === "anonymous";
  if (visitor && link && (path === "/" || path === "/home"))
    return <Redirect to={addressOf.entity(link.entity)} replace />;
  if (!session.data || (visitor && owner !== link?.entity)) {
    const here = path + window.location.search;
    const door = /[?&]signup=true\b/.test(here) ? "/signup" : "/login";
    return <Redirect to={`${door}${here === "/" ? "" : `?returnTo=${encodeURIComponent(here)}`}`} replace />;
  }
  return (
    <div className="frame">
      <TopBar session={session.data} />
      {link && link.entity === owner && <OpenLink link={link} signedIn={!visitor} />}
      <div className="content" ref={content} tabIndex={-1}>
        <Boundary key={path}>
          <Switch>
            <Route path="/">
              <Redirect to="/home" replace />
            </Route>
            <Route path="/home">
              <Home />
            </Route>
            <Route path="/quickstart">
              <Home quickstart />
            </Route>
            <Route path="/authorize">
              {deviceCode ? (
                <DeviceLogin code={deviceCode} username={session.data.username} />
              ) : (
                <Authorize username={session.data.username} />
              )}
            </Route>
            <Route path="/settings/*?">
              <Settings />
            </Route>
            <Route path="/profile">
              <Redirect to={`/${session.data.username}`} replace />
            </Route>
            <Route path="/:entity">{({ entity }) => <Entity entity={decodeURIComponent(entity)} />}</Route>
            <Route path="/:entity/projects">
              {({ entity }) => <Entity entity={decodeURIComponent(entity)} />}
            </Route>
            <Route path="/:entity/:project/runs/:run/*?">
              {({ entity, project, run, "*": rest }) => (
                <Run
                  entity={decodeURIComponent(entity)}
                  project={decodeURIComponent(project)}
                  run={decodeURIComponent(run)}
                  rest={rest ?? ""}
                />
              )}
            </Route>
            <Route path="/:entity/:project/:tab?">
              {({ entity, project, tab }) => (
                <Project
                  entity={decodeURIComponent(entity)}
                  project={decodeURIComponent(project)}
                  tab={tab ?? "workspace"}
                />
              )}
            </Route>
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </Boundary>
      </div>
      <Offline />
    </div>
  );
}

/** Keeps the event stream open on every screen, and says when the server is away. */
function Offline() {
  const connected = useConnected();
  const client = useQueryClient();
  const lost = useRef(false);
  useEffect(() => {
    if (!connected) lost.current = true;
    else if (lost.current) {
      lost.current = false;
      // What changed meanwhile was told to nobody.
      void client.invalidateQueries();
    }
  }, [connected, client]);
  useLive(undefined, undefined, () => {});
  return connected ? null : (
    <div
      className="banner"
      role="status"
      style={{ position: "fixed", bottom: 0, left: 0, right: 0, zIndex: 40 }}
    >
      {t("error.offline")}
    </div>
  );
}

/** A screen that fails says so and leaves the frame standing. */
class Boundary extends Component<{ children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    if (!this.state.error) return this.props.children;
    return <ErrorState error={this.state.error} retry={() => this.setState({ error: undefined as never })} />;
  }
}
