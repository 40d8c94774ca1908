import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api/client.ts";
import { App } from "./app/App.tsx";
import { fetchScreen } from "./app/fetch-screen.ts";
import { openLinkOfAddress } from "./session/visit.ts";
import "./theme/theme.css";
import "./theme/theme.ts";

openLinkOfAddress();
const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      refetchOnWindowFocus: false,
      // What the server refused it refuses again; what was unreachable may come back.
      retry: (failures, error) =>
        error instanceof ApiError && error.status >= 400 && error.status < 500 ? false : failures < 3,
    },
  },
});

fetchScreen(queryClient, window.location);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <QueryClientProvider client={queryClient}>
      <App />
    </QueryClientProvider>,
  );
}
