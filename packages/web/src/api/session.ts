import { useQuery } from "@tanstack/react-query";
import { visited } from "../session/visit.ts";
import { ApiError, getJson } from "./client.ts";

export interface Session {
  username: string;
  admin: boolean;
  entity: string;
  teams: string[];
  /** `anonymous`: nobody signed in, but the link of an anonymous run is open. */
  kind: "user" | "service" | "anonymous";
  /** The anonymous account whose link is open in this browser. */
  openLink: { entity: string; expiresAt: string } | null;
}

/** Who is signed in; null = nobody. */
export function useSession() {
  return useQuery({
    queryKey: ["session"],
    staleTime: 60_000,
    queryFn: async (): Promise<Session | null> => {
      await visited();
      try {
        return await getJson<Session>("/api/v1/session");
      } catch (error) {
        if (error instanceof ApiError && error.status === 401) return null;
        throw error;
      }
    },
  });
}

export interface ServerInfo {
  version: string;
  baseUrl: string;
  empty: boolean;
  /** People make their accounts themselves. */
  signUp: boolean;
}

export function useServer() {
  return useQuery({
    queryKey: ["server"],
    staleTime: 5000,
    queryFn: () => getJson<ServerInfo>("/api/v1/server"),
  });
}
