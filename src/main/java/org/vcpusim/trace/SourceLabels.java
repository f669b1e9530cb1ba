package org.vcpusim.trace;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The labels of sources, each made once. */
final class SourceLabels {
    private final @Nullable String[][] byKind = new @Nullable String[Source.Kind.values().length][0];

    String of(Source source) {
        int kind = source.kind().ordinal();
        int index = source.index();
        if (index >= byKind[kind].length) {
            byKind[kind] = Arrays.copyOf(byKind[kind], Math.max(index + 1, byKind[kind].length * 2));
        }
        String known = byKind[kind][index];
        if (known == null) {
            known = source.label();
            byKind[kind][index] = known;
        }
        return known;
    }
}
