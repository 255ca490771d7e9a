/** `/login#<token>` keeps the agent's token; `/join` and `/join#<code>` open the session with that code. */
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { login } from "./login";
import { adopt, styles } from "./styles";

const NOT_LOGGED_IN = "You are not logged in: open your login link first.";
const NOT_KEPT =
  "You could not be logged in: this browser keeps no data of this site. Allow that, and open your login link again.";

const base = new URL(".", location.href).href;
let notice = NOT_LOGGED_IN;

function takeLogin(): void {
  if (!location.pathname.endsWith("/login")) return;
  const token = location.hash.slice(1);
  if (token && !login.keep(token)) notice = NOT_KEPT;
  history.replaceState(null, "", `${base}join`);
}

async function open(code: string): Promise<void> {
  const token = login.value;
  const response = await fetch(`${base}join`, {
    method: "POST",
    body: code,
    ...(token ? { headers: { authorization: `Bearer ${token}` } } : {}),
  });
  const answer = (await response.json()) as { session?: string; error?: string };
  if (response.status === 401) login.keep(null);
  if (!answer.session) throw new Error(answer.error ?? `the server answered ${response.status}`);
  location.assign(`${base}v/${encodeURIComponent(answer.session)}`);
}

function Join() {
  const [error, setError] = useState("");
  const join = (code: string) => {
    setError("");
    open(code).catch((reason: Error) => setError(reason.message));
  };
  useEffect(() => {
    const read = () => {
      const code = location.hash.slice(1);
      if (code) join(code);
    };
    read();
    // A link with a code that is opened where this page is shown already loads nothing.
    addEventListener("hashchange", read);
    return () => removeEventListener("hashchange", read);
  }, []);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const field = (event.currentTarget as HTMLFormElement).elements.namedItem("code") as HTMLInputElement;
    join(field.value);
  };
  return (
    <div class="join">
      <form onSubmit={submit}>
        <h1>Join a session</h1>
        <p>Ask the visitor for the six characters shown on their page.</p>
        <input name="code" aria-label="Code" maxLength={9} autocomplete="off" required placeholder="ABC 234" />
        <button type="submit">Join</button>
        {!login.value && <p class="error">{notice}</p>}
        {error && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
      </form>
    </div>
  );
}

takeLogin();
adopt(styles);
document.documentElement.dataset.state = "join";
render(<Join />, document.body);
