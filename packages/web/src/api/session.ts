import { useQuery } from "@tanstack/react-query";
import { ApiError, getJson } from "./client.ts";

export interface Session {
  username: string;
  admin: boolean;
  entity: string;
  teams: string[];
}

/** Who is signed in; null = nobody. */
export function useSession() {
  return useQuery({
    queryKey: ["session"],
    staleTime: 60_000,
    queryFn: async (): Promise<Session | null> => {
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
}

export function useServer() {
  return useQuery({
    queryKey: ["server"],
    staleTime: 5000,
    queryFn: () => getJson<ServerInfo>("/api/v1/server"),
  });
}
