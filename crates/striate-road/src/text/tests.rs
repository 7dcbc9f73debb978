use super::*;

#[test]
fn formulas_are_readable_lines() {
    for (latex, text) in [
        ("x^2", "x²"),
        ("x_i", "xᵢ"),
        ("x_{i+1}", "xᵢ₊₁"),
        ("w_{ij}^{(l)}", "wᵢⱼ⁽ˡ⁾"),
        ("W_{[1]}", "W_([1])"),
        ("a+b", "a + b"),
        ("-a = -1", "−a = −1"),
        ("(a-b)(c,d)", "(a − b)(c, d)"),
        (r"\frac{a+b}{2}", "(a + b)/2"),
        (r"\frac{\partial L}{\partial w}", "(∂L)/(∂w)"),
        (r"e^{-x^2/2\sigma^2}", "e^(−x²/2σ²)"),
        (r"\sum_{u=-r}^{r} k[u]\, f[x-u]", "∑ᵤ₌₋ᵣʳ k[u] f[x − u]"),
        (r"\sqrt{x^2+y^2}", "√(x² + y²)"),
        (r"\sqrt[3]{x}", "³√x"),
        (r"\hat{y}", "y\u{302}"),
        (r"\mathbb{R}^{n \times m}", "ℝ^(n × m)"),
        (r"X \in \mathbb{R}^n", "X ∈ ℝⁿ"),
        (r"\log p(x)", "log p(x)"),
        (r"\max(0, x)", "max(0, x)"),
        (r"A^\top A", "AᵀA"),
        (r"\left( \frac{a}{b} \right)^2", "(a/b)²"),
        (r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}", "[1  2; 3  4]"),
        (r"\text{out} = \lfloor n/2 \rfloor", "out = ⌊n/2⌋"),
        (r"\notacommand{x}", r"\notacommand{x}"),
    ] {
        assert_eq!(math_to_text(latex), text, "{latex}");
    }
}

#[test]
fn nothing_in_a_text_can_run_in_the_browser() {
    for (markdown, forbidden) in [
        ("<script>alert(1)</script>", "<script"),
        ("a <img src=x onerror=alert(1)> b", "<img"),
        ("<div onclick='x'>\n\ntext\n\n</div>", "<div"),
        ("[x](javascript:alert(1))", "javascript:"),
        ("[x](JaVaScRiPt:alert(1))", "alert"),
        ("[x](&#106;avascript:alert(1))", "alert"),
        ("[x](data:text/html,<script>)", "data:"),
        ("[x](<java\tscript:alert(1)>)", "href"),
        ("![x](https://tracker.example/pixel.png)", "tracker"),
        ("![x](//tracker.example/pixel.png)", "tracker"),
        (r"$\text{<script>alert(1)</script>}$", "<script"),
        (r"$\notacommand<script>$", "<script"),
        (r#"$\href{javascript:alert(1)}{x}$"#, "href="),
        ("```\"><script>\nx\n```", "<script"),
    ] {
        let html = to_html(markdown);
        assert!(!html.contains(forbidden), "{markdown}\n{html}");
    }
}

#[test]
fn html_of_ordinary_markdown() {
    for (markdown, expected) in [
        ("[a](https://example.org)", "<a href=\"https://example.org\">a</a>"),
        ("[a](/station/perceptron)", "<a href=\"/station/perceptron\">a</a>"),
        ("![a](lab.png)", "<img src=\"lab.png\" alt=\"a\" />"),
        ("[![a](https://x.org/p.png)](https://x.org)", "<a href=\"https://x.org\">a</a>"),
        ("1 < 2 & 3", "1 &lt; 2 &amp; 3"),
        ("| a | b |\n|---|---|\n| $x$ | 2 |", "<table>"),
        ("$$\nx^2\n$$", "display=\"block\""),
    ] {
        let html = to_html(markdown);
        assert!(html.contains(expected), "{markdown}\n{html}");
    }
}

#[test]
fn terminal_text_wraps_and_hangs() {
    let markdown = "# Title\n\nA word and *another* with $x^2 + y^2$ inside a [link](https://e.org), `a b`.\n\n\
        - first item that is long enough to wrap\n- second\n  1. inner\n\n> said\n\n```python\nx = 1\n    y = 2\n```\n\n\
        $$a = \\frac{1}{2}$$\n\n| n | name |\n|---|---|\n| 10 | b |\n\n<b>raw</b>\n";
    let expected = "Title\n\nA word and another with\nx² + y² inside a link\n(https://e.org), `a b`.\n\n\
        • first item that is\n  long enough to wrap\n• second\n  1. inner\n\n│ said\n\n    x = 1\n        y = 2\n\n    a = 1/2\n\n\
        n   name\n──  ────\n10  b\n\n<b>raw</b>\n";
    assert_eq!(to_terminal(markdown, TerminalStyle { width: 24, color: false }), expected);
}

#[test]
fn escape_codes_take_no_room() {
    let plain = to_terminal("**bold** words and `code` here", TerminalStyle { width: 20, color: false });
    let color = to_terminal("**bold** words and `code` here", TerminalStyle { width: 18, color: true });
    assert_eq!(plain, "bold words and\n`code` here\n");
    assert_eq!(color, "\u{1b}[1mbold\u{1b}[0m words and\n\u{1b}[36mcode\u{1b}[0m here\n");
}

#[test]
fn every_station_renders_in_both_forms() {
    for station in crate::Road::embedded().stations() {
        let texts = [&station.outcome, &station.why, &station.lab].into_iter().chain(&station.text);
        for text in texts {
            let html = to_html(text);
            assert!(!html.contains("class=\"math\""), "{}: a formula cannot be read\n{html}", station.id);
            assert!(!to_terminal(text, TerminalStyle::default()).trim().is_empty());
        }
    }
}

#[test]
fn an_escaped_space_is_a_space() {
    let mathml = super::math_to_mathml(r"[1\ 2]", false);
    assert!(mathml.contains("&#160;") && !mathml.contains("nbsp"), "{mathml}");
}
