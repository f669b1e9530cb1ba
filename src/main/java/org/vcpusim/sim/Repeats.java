package org.vcpusim.sim;

import java.util.ArrayList;
import java.util.List;

/** Lines of a story that say the same again and again, said once. */
final class Repeats {
    /** Most lines that are taken for one turn of a loop. */
    private static final int LONGEST = 16;

    private Repeats() {}

    /** {@code lines}, where a block that follows itself is told once, and then how often. */
    static List<Story.Line> folded(List<Story.Line> lines) {
        List<Story.Line> folded = new ArrayList<>();
        for (int at = 0; at < lines.size(); ) {
            int length = shortestBlock(lines, at);
            int times = isWorthIt(lines, at, length) ? times(lines, at, length) : 1;
            folded.addAll(lines.subList(at, at + length));
            if (times > 1) {
                boolean racing = lines.subList(at, at + times * length).stream().anyMatch(Story.Line::racing);
                String what = length == 1 ? "the same " : "these " + length + " lines ";
                folded.add(new Story.Line("... " + what + (times == 2 ? "again" : times - 1 + " times more"), racing));
            }
            at += times * length;
        }
        return folded;
    }

    /** The length of the shortest block at {@code at} that is worth folding; 1 where there is none. */
    private static int shortestBlock(List<Story.Line> lines, int at) {
        for (int length = 1; length <= LONGEST && at + 2 * length <= lines.size(); length++) {
            if (isWorthIt(lines, at, length)) {
                return length;
            }
        }
        return 1;
    }

    private static boolean isWorthIt(List<Story.Line> lines, int at, int length) {
        return (times(lines, at, length) - 1) * length > 1;
    }

    private static int times(List<Story.Line> lines, int at, int length) {
        int times = 1;
        while (at + (times + 1) * length <= lines.size() && isSame(lines, at, at + times * length, length)) {
            times++;
        }
        return times;
    }

    private static boolean isSame(List<Story.Line> lines, int first, int second, int length) {
        for (int i = 0; i < length; i++) {
            if (!lines.get(first + i).text().equals(lines.get(second + i).text())) {
                return false;
            }
        }
        return true;
    }
}
