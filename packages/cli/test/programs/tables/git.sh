# git: a repository made, changed, merged, cloned, packed and checked.
export GIT_AUTHOR_DATE='2001-02-03T04:05:06Z' GIT_COMMITTER_DATE='2001-02-03T04:05:06Z' GIT_CONFIG_GLOBAL=/dev/null GIT_PAGER=cat
  git init -q -b main r; cd r; git config user.name N; git config user.email e@x; seq 100 > a; mkdir d; echo x > d/b; git add .; git commit -qm 'first commit'; git log --format='%H %s'
  echo y >> d/b; git status --short; git diff; git commit -qam second; git log --oneline --stat; git branch side HEAD^; git checkout -q side; echo z > c; git add c; git commit -qm third
  git merge -q --no-edit main; git log --graph --oneline; git tag -a v1 -m tag; git describe; git clone -q . ../s; cd ../s; git log --oneline | wc -l; git branch -a
  echo w > e; git add e; git -c user.name=M -c user.email=m@x commit -qm fourth; git push -q origin side:other; cd ../r; git branch | sort; git gc -q; git fsck; git count-objects -v
  git rebase -q main 2>&1; echo q >> a; git stash -q; git stash pop -q; git diff --stat; git grep -n 99; git blame -s d/b; git archive HEAD | tar t | sort; git rev-parse HEAD
  git show --stat HEAD | tail -n 3; git reflog | wc -l; git worktree add -q ../wt main; ls ../wt; git format-patch -1 --stdout main | head -n 3; git cat-file -p HEAD^{tree}; git ls-files -s
  git clean -n; git reset -q --hard; git log -1 --format=%ad; git hash-object a; git checkout -q none; echo $?
