package org.vcpusim.cli;

import org.vcpusim.sim.StoryText;

/** What stdout is: how wide, and whether it takes colours. The launcher looks and says so in system properties. */
final class Terminal {
    private static final int USUAL_WIDTH = 120;
    private static final int NARROWEST = 40;

    private Terminal() {}

    /** Characters a line. */
    static int width() {
        return Math.max(NARROWEST, Integer.getInteger("vcpusim.columns", USUAL_WIDTH));
    }

    /** On for a terminal, unless the user has set NO_COLOR or has a dumb one. */
    static StoryText.Colour colour() {
        boolean terminal = Integer.getInteger("vcpusim.columns") != null;
        boolean refused = System.getenv("NO_COLOR") != null || "dumb".equals(System.getenv("TERM"));
        return terminal && !refused ? StoryText.Colour.ON : StoryText.Colour.OFF;
    }
}
