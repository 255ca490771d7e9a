/** The agent's login token, kept in this browser. It never stands in a query, only behind a link's `#`. */

const KEY = "cobrowse.agent";

export function agentToken(): string | null {
  return localStorage.getItem(KEY);
}

export function keepAgentToken(token: string): void {
  localStorage.setItem(KEY, token);
}

export function forgetAgentToken(): void {
  localStorage.removeItem(KEY);
}
